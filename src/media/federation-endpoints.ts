import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import { contentDisposition } from './content-disposition.ts'
import { contentFor, type LookupDeps, timeoutField } from './lookup.ts'
import { multipartReply } from './multipart-reply.ts'
import { thumbnailFor, thumbnailQuery } from './thumbnail-endpoints.ts'

export interface MediaFederationDeps extends LookupDeps {
  readonly random: Random
}

/** The pictures of a busy room, asked for at once by everybody on another server. */
const rateLimit: RateLimit = { name: 'federation-media', by: 'server', burst: 300, perSecond: 20 }

/** Media of this server, for other servers; never those of third ones. Source: server-server API, "Content Repository". */
export function mediaFederationEndpoints(deps: MediaFederationDeps): Endpoint[] {
  const server = deps.serverName
  // As good as no content has it, and whoever uploads does not know it beforehand.
  const boundary = () => randomLetters(deps.random, 40)
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/media/download/{mediaId}',
      auth: 'server',
      query: Type.Object(timeoutField),
      rateLimit,
      async handle({ path: { mediaId }, query: { timeout_ms: timeout }, signal }) {
        const { hash, size, contentType, uploadName, shelf } = await contentFor(deps, { server, mediaId, timeout, signal })
        const type = contentType ?? 'application/octet-stream'
        const disposition = contentDisposition(type, uploadName)
        const served = { path: shelf.files.pathOf(hash), size, tag: hash, contentType: type, contentDisposition: disposition }
        return multipartReply(served, boundary())
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/media/thumbnail/{mediaId}',
      auth: 'server',
      query: thumbnailQuery,
      rateLimit,
      async handle({ path: { mediaId }, query, signal }) {
        const wanted = { server, mediaId, timeout: query.timeout_ms, signal }
        return multipartReply(await thumbnailFor(deps, wanted, query), boundary())
      },
    }),
  ]
}
