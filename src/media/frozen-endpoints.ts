import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { notFound } from '../http/errors.ts'
import { knownContent, type LookupDeps, notYetUploaded } from './lookup.ts'

const paths = [
  '/_matrix/media/v3/download/{serverName}/{mediaId}',
  '/_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}',
  '/_matrix/media/v3/thumbnail/{serverName}/{mediaId}',
] as const

/**
 * The deprecated downloads without authentication. They are frozen, and have been since before the first upload: every media is newer.
 * Source: client-server API, "Content repository", client behaviour.
 */
export function frozenEndpoints(deps: Pick<LookupDeps, 'storage' | 'serverName' | 'clock'>): Endpoint[] {
  return paths.map((path) =>
    endpoint({
      method: 'GET',
      path,
      auth: 'none',
      handle({ path: { serverName, mediaId } }) {
        if (!knownContent(deps, serverName, mediaId)) throw notYetUploaded()
        throw notFound('Media can be had with authentication only: /_matrix/client/v1/media/…')
      },
    }),
  )
}
