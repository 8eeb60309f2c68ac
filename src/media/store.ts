import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

export interface Content {
  /** SHA-256 in hexadecimal. */
  readonly hash: string
  /** Bytes. */
  readonly size: number
  /** Null: the client said nothing usable. */
  readonly contentType: string | null
  readonly uploadName: string | null
}

export interface Media {
  readonly mediaId: string
  readonly owner: string
  /** Since the epoch. */
  readonly createdAt: Milliseconds
  /** Until when it can be uploaded; null: it was. */
  readonly expiresAt: Milliseconds | null
  /** Undefined: not uploaded yet. */
  readonly content: Content | undefined
}

interface Row extends Omit<Media, 'content'>, Omit<Content, 'hash' | 'size'> {
  readonly hash: string | null
  readonly size: number | null
}

const byId = statement<[string], Row>(
  `SELECT media_id AS mediaId, owner, created_at AS createdAt, expires_at AS expiresAt, content_hash AS hash, size,
     content_type AS contentType, upload_name AS uploadName FROM media WHERE media_id = ?`,
)

export function findMedia(reader: Reader, mediaId: string): Media | undefined {
  const row = byId(reader).get(mediaId)
  if (!row) return undefined
  const { hash, size, contentType, uploadName, ...media } = row
  return { ...media, content: hash === null ? undefined : { hash, size: size ?? 0, contentType, uploadName } }
}

const insertRow = statement<
  [string, string, Milliseconds, Milliseconds | null, string | null, number | null, string | null, string | null],
  never
>(
  `INSERT INTO media (media_id, owner, created_at, expires_at, content_hash, size, content_type, upload_name) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
)

export function insertMedia(tx: Writer, { mediaId, owner, createdAt, expiresAt, content }: Media): void {
  const { hash = null, size = null, contentType = null, uploadName = null } = content ?? {}
  insertRow(tx).run(mediaId, owner, createdAt, expiresAt, hash, size, contentType, uploadName)
}

const fillRow = statement<[string, number, string | null, string | null, string, Milliseconds], never>(
  `UPDATE media SET content_hash = ?, size = ?, content_type = ?, upload_name = ?, expires_at = NULL
   WHERE media_id = ? AND content_hash IS NULL AND expires_at > ?`,
)

/** Gives an id that was created earlier its content. False: it has one already, or is gone or expired. */
export function fillMedia(tx: Writer, mediaId: string, content: Content, now: Milliseconds): boolean {
  return fillRow(tx).run(content.hash, content.size, content.contentType, content.uploadName, mediaId, now).changes === 1
}

const pendingRows = statement<[string], number>('SELECT count(*) FROM media WHERE owner = ? AND expires_at IS NOT NULL', 'pluck')
const firstExpiry = statement<[string], Milliseconds | null>(
  'SELECT min(expires_at) FROM media WHERE owner = ? AND expires_at IS NOT NULL',
  'pluck',
)
const dropExpired = statement<[string, Milliseconds], never>('DELETE FROM media WHERE owner = ? AND expires_at <= ?')

/** Forgets a user's ids that were never uploaded to in time, and says how many wait still, and until when the first of them does. */
export function pendingMediaOf(
  tx: Writer,
  owner: string,
  now: Milliseconds,
): { readonly count: number; readonly until: Milliseconds } {
  dropExpired(tx).run(owner, now)
  return { count: pendingRows(tx).get(owner) ?? 0, until: firstExpiry(tx).get(owner) ?? now }
}

const referenced = statement<[string], number>('SELECT 1 FROM media WHERE content_hash = ? LIMIT 1', 'pluck')

export function isReferenced(reader: Reader, hash: string): boolean {
  return referenced(reader).get(hash) !== undefined
}

const insertRemoval = statement<[string], never>('INSERT INTO media_removals (content_hash) VALUES (?) ON CONFLICT DO NOTHING')
const deleteRemoval = statement<[string], never>('DELETE FROM media_removals WHERE content_hash = ?')
const allRemovals = statement<[], string>('SELECT content_hash FROM media_removals', 'pluck')
const deleteRow = statement<[string], never>('DELETE FROM media WHERE media_id = ?')

/** The row goes now, the file once this is on disk, if nothing else has the same content. False: there is no such media. */
export function deleteMediaRow(tx: Writer, mediaId: string): boolean {
  const hash = findMedia(tx, mediaId)?.content?.hash
  if (hash !== undefined) insertRemoval(tx).run(hash)
  return deleteRow(tx).run(mediaId).changes === 1
}

/** Which files are needed, as one table of media knows it. */
export interface References {
  has(reader: Reader, hash: string): boolean
  /** Contents whose files may have to go. */
  due(reader: Reader): readonly string[]
  done(tx: Writer, hash: string): void
}

/** Of this server's own media. */
export const ownReferences: References = {
  has: isReferenced,
  due: (reader) => allRemovals(reader).all(),
  done: (tx, hash) => deleteRemoval(tx).run(hash),
}

const owned = statement<[string], string>('SELECT media_id FROM media WHERE owner = ?', 'pluck')

export function mediaOwnedBy(reader: Reader, owner: string): readonly string[] {
  return owned(reader).all(owner)
}
