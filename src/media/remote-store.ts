import type { ServerName } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Content, References } from './store.ts'

/** A media of another server that is kept here. */
export interface RemoteMediaRow extends Content {
  /** Since the epoch. */
  readonly usedAt: Milliseconds
}

const columns = 'content_hash AS hash, size, content_type AS contentType, upload_name AS uploadName, used_at AS usedAt'
const byId = statement<[string, string], RemoteMediaRow>(`SELECT ${columns} FROM remote_media WHERE server = ? AND media_id = ?`)

export function findRemoteMedia(reader: Reader, server: ServerName, mediaId: string): RemoteMediaRow | undefined {
  return byId(reader).get(server, mediaId)
}

const insert = statement<[string, string, string, number, string | null, string | null, Milliseconds], never>(
  `INSERT INTO remote_media (server, media_id, content_hash, size, thumbnail_bytes, content_type, upload_name, used_at)
   VALUES (?, ?, ?, ?, 0, ?, ?, ?)`,
)

/** Keeps a media in place of what was kept of it before. How many bytes more are kept now. */
export function putRemoteMedia(tx: Writer, server: ServerName, mediaId: string, content: Content, now: Milliseconds): number {
  const before = dropRemoteMedia(tx, server, mediaId)
  insert(tx).run(server, mediaId, content.hash, content.size, content.contentType, content.uploadName, now)
  return content.size - before
}

const insertRemoval = statement<[string], never>(
  'INSERT INTO remote_media_removals (content_hash) VALUES (?) ON CONFLICT DO NOTHING',
)
const deleteRow = statement<[string, string], { hash: string; bytes: number }>(
  `DELETE FROM remote_media WHERE server = ? AND media_id = ?
   RETURNING content_hash AS hash, size + thumbnail_bytes AS bytes`,
)

/** The row goes now, the file once this is on disk, if nothing else has the same content. How many bytes were kept of it. */
export function dropRemoteMedia(tx: Writer, server: string, mediaId: string): number {
  const gone = deleteRow(tx).get(server, mediaId)
  if (gone) insertRemoval(tx).run(gone.hash)
  return gone?.bytes ?? 0
}

const touch = statement<[Milliseconds, string, string], never>(
  'UPDATE remote_media SET used_at = ? WHERE server = ? AND media_id = ?',
)

export function touchRemoteMedia(tx: Writer, server: ServerName, mediaId: string, now: Milliseconds): void {
  touch(tx).run(now, server, mediaId)
}

const charge = statement<[number, string], never>(
  'UPDATE remote_media SET thumbnail_bytes = thumbnail_bytes + ? WHERE content_hash = ?',
)

/** Counts a thumbnail that was made of a content. How many bytes more are kept now: each media with this content counts it. */
export function chargeThumbnail(tx: Writer, hash: string, bytes: number): number {
  return charge(tx).run(bytes, hash).changes * bytes
}

const total = statement<[], number>('SELECT ifnull(sum(size + thumbnail_bytes), 0) FROM remote_media', 'pluck')

/** Bytes of all that is kept; reads every row. */
export function remoteMediaBytes(reader: Reader): number {
  return total(reader).get() ?? 0
}

interface Unused {
  readonly server: string
  readonly mediaId: string
  readonly bytes: number
}

const longestUnused = statement<[Milliseconds, number], Unused>(
  `SELECT server, media_id AS mediaId, size + thumbnail_bytes AS bytes FROM remote_media
   WHERE used_at <= ? ORDER BY used_at LIMIT ?`,
)

/** What was not used since `before`, the longest unused first. */
export function unusedRemoteMedia(reader: Reader, before: Milliseconds, limit: number): readonly Unused[] {
  return longestUnused(reader).all(before, limit)
}

const referenced = statement<[string], number>('SELECT 1 FROM remote_media WHERE content_hash = ? LIMIT 1', 'pluck')
const allRemovals = statement<[], string>('SELECT content_hash FROM remote_media_removals', 'pluck')
const deleteRemoval = statement<[string], never>('DELETE FROM remote_media_removals WHERE content_hash = ?')

export const remoteReferences: References = {
  has: (reader, hash) => referenced(reader).get(hash) !== undefined,
  due: (reader) => allRemovals(reader).all(),
  done: (tx, hash) => deleteRemoval(tx).run(hash),
}
