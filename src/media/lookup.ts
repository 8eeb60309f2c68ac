import Type from 'typebox'
import { MatrixError, notFound } from '../http/errors.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Storage } from '../storage/storage.ts'
import type { MediaFiles } from './files.ts'
import type { RemoteMedia } from './remote-media.ts'
import { type Content, findMedia } from './store.ts'
import type { Thumbnails } from './thumbnails.ts'
import type { UploadWaiters } from './upload-waiters.ts'

/** Where contents and what is made of them lie. */
export interface Shelf {
  readonly files: MediaFiles
  readonly thumbnails: Thumbnails
}

export interface LookupDeps {
  readonly storage: Storage
  readonly serverName: string
  readonly clock: Clock
  readonly waiters: UploadWaiters
  readonly own: Shelf
  /** Undefined: this server does not speak with others. */
  readonly elsewhere: (Shelf & Pick<RemoteMedia, 'find'>) | undefined
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
  /** False: not from another server. */
  readonly remote?: boolean
}

export interface Found extends Content {
  readonly shelf: Shelf
  /** Of another server. */
  readonly remote: boolean
}

/** The content behind an `mxc://` URI, waited for if it is yet to be uploaded; ends the request if there is none. */
export async function contentFor(deps: LookupDeps, wanted: Wanted): Promise<Found> {
  const { server, mediaId, signal } = wanted
  const timeout = Math.min(wanted.timeout ?? defaultTimeout, maxTimeout)
  const { elsewhere } = deps
  if (elsewhere && server !== deps.serverName && wanted.remote !== false) {
    return { ...(await elsewhere.find({ server, mediaId, timeout, signal })), shelf: elsewhere, remote: true }
  }
  const found = knownContent(deps, server, mediaId)
  if (found) return existing(deps, found)
  await deps.waiters.uploaded(mediaId, timeout, signal)
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
async function existing({ own }: LookupDeps, content: Content): Promise<Found> {
  if ((await own.files.sizeOf(content.hash)) === undefined) throw notFound('There is no such media')
  return { ...content, shelf: own, remote: false }
}

export function notYetUploaded(): MatrixError {
  return new MatrixError(504, 'M_NOT_YET_UPLOADED', 'The media has not been uploaded yet')
}

/** Source: client-server API, "Security considerations" of the content repository. */
export function tooLargeElsewhere(): MatrixError {
  return new MatrixError(502, 'M_TOO_LARGE', 'The media of the other server is too large')
}
