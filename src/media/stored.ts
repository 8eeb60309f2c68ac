import { type Reader, statement } from '../storage/handles.ts'

const contents = statement<[], { hash: string; size: number }>(
  'SELECT DISTINCT content_hash AS hash, size FROM media WHERE content_hash IS NOT NULL',
)

/** All contents that the database knows, for a look whether their files are there. */
export function storedContents(reader: Reader): readonly { readonly hash: string; readonly size: number }[] {
  return contents(reader).all()
}

const total = statement<[], number>(
  'SELECT ifnull(sum(size), 0) FROM (SELECT content_hash, max(size) AS size FROM media WHERE content_hash IS NOT NULL GROUP BY content_hash)',
  'pluck',
)

/** Bytes of all contents together; reads every row, so once a day at most. */
export function storedBytes(reader: Reader): number {
  return total(reader).get() ?? 0
}
