import Type from 'typebox'
import { MatrixError, notFound } from '../http/errors.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Storage } from '../storage/storage.ts'
import type { MediaFiles } from './files.ts'
import { type Content, findMedia } from './store.ts'
import type { UploadWaiters } from './upload-waiters.ts'

export interface LookupDeps {
  readonly storage: Storage
  readonly serverName: string
  readonly clock: Clock
  readonly files: MediaFiles
  readonly waiters: UploadWaiters
}

const defaultTimeout: Milliseconds = 20_000
const maxTimeout: Milliseconds = 60_000

/** Query parameter of downloads: how long the client would wait for an upload that is announced. */
export const timeoutField = { timeout_ms: Type.Optional(Type.Integer({ minimum: 0 })) }

export interface Wanted {
  readonly server: string
  readonly mediaId: string
  readonly timeout: Milliseconds | undefined
  readonly signal: AbortSignal
}

/** The content behind an `mxc://` URI, waited for if it is yet to be uploaded; ends the request if there is none. */
export async function contentFor(deps: LookupDeps, { server, mediaId, timeout, signal }: Wanted): Promise<Content> {
  const found = knownContent(deps, server, mediaId)
  if (found) return existing(deps, found)
  await deps.waiters.uploaded(mediaId, Math.min(timeout ?? defaultTimeout, maxTimeout), signal)
  const uploaded = knownContent(deps, server, mediaId)
  if (!uploaded) throw notYetUploaded()
  return existing(deps, uploaded)
}

/** Undefined: announced, but not uploaded yet. Ends the request if the id is unknown or has expired. */
export function knownContent(
  { storage, serverName, clock }: Pick<LookupDeps, 'storage' | 'serverName' | 'clock'>,
  server: string,
  mediaId: string,
): Content | undefined {
  const media = server === serverName ? findMedia(storage.reader, mediaId) : undefined
  if (!media || (media.expiresAt !== null && media.expiresAt <= clock.now())) throw notFound('There is no such media')
  return media.content
}

/** Its file may have gone with its last reference between two looks. */
async function existing({ files }: LookupDeps, content: Content): Promise<Content> {
  if ((await files.sizeOf(content.hash)) === undefined) throw notFound('There is no such media')
  return content
}

export function notYetUploaded(): MatrixError {
  return new MatrixError(504, 'M_NOT_YET_UPLOADED', 'The media has not been uploaded yet')
}
