import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { downloadOf } from './download-endpoints.ts'
import { type LookupDeps, timeoutField } from './lookup.ts'
import { serve } from './serve.ts'
import { thumbnailFor, thumbnailQuery } from './thumbnail-endpoints.ts'

const path = '/_matrix/media/v3/download/{serverName}/{mediaId}'
const openQuery = { ...timeoutField, allow_remote: Type.Optional(Type.Boolean()), allow_redirect: Type.Optional(Type.Boolean()) }
const rateLimit: RateLimit = { name: 'media-open', by: 'address', burst: 100, perSecond: 5 }

/** The deprecated downloads without authentication, for clients that know no others; source: client-server API, "Content repository". */
export function openEndpoints(deps: LookupDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path,
      auth: 'none',
      query: Type.Object(openQuery),
      rateLimit,
      handle: ({ path: { serverName, mediaId }, query, raw, signal }) =>
        downloadOf(deps, raw, { ...wish(query), server: serverName, mediaId, signal }),
    }),
    endpoint({
      method: 'GET',
      path: `${path}/{fileName}`,
      auth: 'none',
      query: Type.Object(openQuery),
      rateLimit,
      handle: ({ path: { serverName, mediaId, fileName }, query, raw, signal }) =>
        downloadOf(deps, raw, { ...wish(query), server: serverName, mediaId, signal }, fileName),
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/media/v3/thumbnail/{serverName}/{mediaId}',
      auth: 'none',
      query: Type.Object({ ...thumbnailQuery.properties, ...openQuery }),
      rateLimit,
      async handle({ path: { serverName, mediaId }, query, raw, signal }) {
        return serve(raw, await thumbnailFor(deps, { ...wish(query), server: serverName, mediaId, signal }, query))
      },
    }),
  ]
}

function wish({ timeout_ms: timeout, allow_remote: remote = true }: { timeout_ms?: number; allow_remote?: boolean }) {
  return { timeout, remote }
}
