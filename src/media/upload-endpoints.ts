import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { badJson, forbidden, limitExceeded, MatrixError, notFound, tooLarge } from '../http/errors.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { checkedContentType } from './content-disposition.ts'
import type { Contents } from './contents.ts'
import { explained } from './disk-problems.ts'
import type { MediaFiles, Received } from './files.ts'
import { type Content, fillMedia, findMedia, insertMedia, type Media, pendingMediaOf } from './store.ts'
import type { UploadWaiters } from './upload-waiters.ts'

export interface UploadDeps {
  readonly storage: Storage
  readonly serverName: string
  readonly clock: Clock
  readonly random: Random
  readonly maxUploadBytes: number
  readonly files: MediaFiles
  readonly contents: Contents
  readonly waiters: UploadWaiters
}

/** How long an id can wait for its content: 24 hours, as the specification recommends. */
const pendingDuration: Milliseconds = 24 * 60 * 60 * 1000
/** Ids of one user that wait for their content. */
const maxPending = 100
const mediaIdLength = 24

const uploadLimit: RateLimit = { name: 'media-upload', by: 'user', burst: 50, perSecond: 2 }
const uploadQuery = Type.Object({ filename: Type.Optional(Type.String({ maxLength: 255 })) })

/** Uploads, at once or to an id that was created before; source: client-server API, "Content repository". */
export function uploadEndpoints(deps: UploadDeps): Endpoint[] {
  const { storage, serverName, clock, random, maxUploadBytes, files, contents, waiters } = deps
  const newMediaId = () => randomLetters(random, mediaIdLength)
  const uriOf = (mediaId: string) => `mxc://${serverName}/${mediaId}`
  /** Ids that somebody is uploading to. */
  const uploading = new Set<string>()

  async function receive(request: Request): Promise<Received> {
    const announced = request.headers.get('content-length')
    const limitProblem = () => tooLarge(`Files can have at most ${maxUploadBytes} bytes`)
    if (Number(announced) > maxUploadBytes) throw limitProblem()
    const received = await explained(files.receive(request.body, maxUploadBytes))
    if (received === 'too-large') throw limitProblem()
    if (announced === null || received.size === Number(announced)) return received
    await files.discard(received)
    throw badJson('The body ended before its announced length')
  }

  /** Stores what the request brings; `insert` runs in the write that makes it known. */
  async function upload(
    request: Request,
    filename: string | undefined,
    insert: (content: Content) => Parameters<Contents['store']>[1],
  ): Promise<void> {
    const received = await receive(request)
    const { hash, size } = received
    const contentType = checkedContentType(request.headers.get('content-type'))
    await explained(contents.store(received, insert({ hash, size, contentType, uploadName: filename || null })))
  }

  /** The media that a user may upload to now; ends the request if there is none. */
  function pendingMedia(mediaId: string, userId: string): Media {
    const media = findMedia(storage.reader, mediaId)
    if (!media || (media.expiresAt !== null && media.expiresAt <= clock.now()))
      throw notFound('There is no such media id, or it has expired')
    if (media.owner !== userId) throw forbidden('The media id was created by somebody else')
    if (media.content || uploading.has(mediaId)) throw cannotOverwrite()
    return media
  }

  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/media/v3/upload',
      auth: 'session',
      query: uploadQuery,
      rateLimit: uploadLimit,
      async handle({ auth, query, raw }) {
        const mediaId = newMediaId()
        await upload(
          raw,
          query.filename,
          (content) => (tx) => insertMedia(tx, { mediaId, owner: auth.userId, createdAt: clock.now(), expiresAt: null, content }),
        )
        return { content_uri: uriOf(mediaId) }
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/media/v1/create',
      auth: 'session',
      rateLimit: uploadLimit,
      handle: ({ auth }) =>
        storage.write((tx) => {
          const now = clock.now()
          const pending = pendingMediaOf(tx, auth.userId, now)
          if (pending.count >= maxPending) throw limitExceeded(pending.until - now)
          const mediaId = newMediaId()
          const expiresAt = now + pendingDuration
          insertMedia(tx, { mediaId, owner: auth.userId, createdAt: now, expiresAt, content: undefined })
          return { content_uri: uriOf(mediaId), unused_expires_at: expiresAt }
        }),
    }),
    endpoint({
      method: 'PUT',
      path: '/_matrix/media/v3/upload/{serverName}/{mediaId}',
      auth: 'session',
      query: uploadQuery,
      rateLimit: uploadLimit,
      async handle({ auth, path: { serverName: server, mediaId }, query, raw }) {
        if (server !== serverName) throw notFound('serverName: media ids are created here for this server only')
        pendingMedia(mediaId, auth.userId)
        uploading.add(mediaId)
        try {
          await upload(raw, query.filename, (content) => (tx) => {
            if (!fillMedia(tx, mediaId, content, clock.now())) throw notFound('The media id has expired')
          })
        } finally {
          uploading.delete(mediaId)
        }
        waiters.wake(mediaId)
        return {}
      },
    }),
  ]
}

function cannotOverwrite(): MatrixError {
  return new MatrixError(409, 'M_CANNOT_OVERWRITE_MEDIA', 'The media id has been uploaded to already')
}
