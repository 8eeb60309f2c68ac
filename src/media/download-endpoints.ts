import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { contentDisposition } from './content-disposition.ts'
import { contentFor, type LookupDeps, timeoutField, type Wanted } from './lookup.ts'
import { serve } from './serve.ts'

export interface DownloadDeps extends LookupDeps {
  readonly maxUploadBytes: number
}

const path = '/_matrix/client/v1/media/download/{serverName}/{mediaId}'
const query = Type.Object(timeoutField)
/** A download may make this server fetch something. */
const rateLimit: RateLimit = { name: 'media-download', by: 'user', burst: 300, perSecond: 20 }

/** Limits and contents; source: client-server API, "Content repository". */
export function downloadEndpoints(deps: DownloadDeps): Endpoint[] {
  const config = { 'm.upload.size': deps.maxUploadBytes }

  return [
    endpoint({ method: 'GET', path: '/_matrix/client/v1/media/config', auth: 'session', handle: () => config }),
    endpoint({ method: 'GET', path: '/_matrix/media/v3/config', auth: 'session', handle: () => config }),
    endpoint({
      method: 'GET',
      path,
      auth: 'session',
      query,
      rateLimit,
      handle: ({ path: { serverName, mediaId }, query: { timeout_ms }, raw, signal }) =>
        downloadOf(deps, raw, { server: serverName, mediaId, timeout: timeout_ms, signal }),
    }),
    endpoint({
      method: 'GET',
      path: `${path}/{fileName}`,
      auth: 'session',
      query,
      rateLimit,
      handle: ({ path: { serverName, mediaId, fileName }, query: { timeout_ms }, raw, signal }) =>
        downloadOf(deps, raw, { server: serverName, mediaId, timeout: timeout_ms, signal }, fileName),
    }),
  ]
}

/** The content behind an `mxc://` URI, under its own name or another; ends the request if there is none. */
export async function downloadOf(deps: LookupDeps, raw: Request, wanted: Wanted, fileName?: string) {
  const { hash, size, contentType, uploadName, shelf } = await contentFor(deps, wanted)
  const type = contentType ?? 'application/octet-stream'
  const disposition = contentDisposition(type, fileName ?? uploadName)
  return serve(raw, { path: shelf.files.pathOf(hash), size, tag: hash, contentType: type, contentDisposition: disposition })
}
