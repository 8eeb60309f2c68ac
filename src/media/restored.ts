import { type Reader, statement } from '../storage/handles.ts'

const contents = statement<[], { hash: string; size: number }>(
  'SELECT DISTINCT content_hash AS hash, size FROM media WHERE content_hash IS NOT NULL',
)

/** All contents that the database knows, for a look whether their files are there. */
export function storedContents(reader: Reader): readonly { readonly hash: string; readonly size: number }[] {
  return contents(reader).all()
}
