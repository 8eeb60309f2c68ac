import { stat } from 'node:fs/promises'
import Type, { type Static } from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { limitExceeded, tooLarge, unknown } from '../http/errors.ts'
import { contentFor, type LookupDeps, timeoutField, tooLargeElsewhere, type Wanted } from './lookup.ts'
import { type Served, serve } from './serve.ts'
import { thumbnailSizeFor } from './thumbnail-size.ts'

/** A room full of pictures may be opened at once. */
const thumbnailLimit: RateLimit = { name: 'media-thumbnail', by: 'user', burst: 300, perSecond: 20 }

const dimension = Type.Integer({ minimum: 1, maximum: 100_000 })
export const thumbnailQuery = Type.Object({
  width: dimension,
  height: dimension,
  method: Type.Optional(Type.Enum(['crop', 'scale'])),
  animated: Type.Optional(Type.Boolean()),
  ...timeoutField,
})

/** Source: client-server API, "Thumbnails". */
export function thumbnailEndpoints(deps: LookupDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}',
      auth: 'session',
      query: thumbnailQuery,
      rateLimit: thumbnailLimit,
      async handle({ path: { serverName, mediaId }, query, raw, signal }) {
        const wanted = { server: serverName, mediaId, timeout: query.timeout_ms, signal }
        return serve(raw, await thumbnailFor(deps, wanted, query))
      },
    }),
  ]
}

/** A thumbnail of the content behind an `mxc://` URI; ends the request if there is none. */
export async function thumbnailFor(deps: LookupDeps, wanted: Wanted, wish: Static<typeof thumbnailQuery>): Promise<Served> {
  const { hash, shelf, remote } = await contentFor(deps, wanted)
  const size = thumbnailSizeFor(wish.width, wish.height, wish.method ?? 'scale')
  const thumbnail = await shelf.thumbnails.of(hash, size, wish.animated ?? false)
  switch (thumbnail.kind) {
    case 'undecodable':
      throw unknown('The media is no image that thumbnails can be made of')
    case 'too-large':
      throw remote ? tooLargeElsewhere() : tooLarge('The image is too large for a thumbnail')
    case 'busy':
      throw limitExceeded(5000)
    case 'file': {
      const { path, format, variant } = thumbnail
      return {
        path,
        size: (await stat(path)).size,
        tag: `${hash}-${variant}`,
        contentType: `image/${format}`,
        contentDisposition: `inline; filename="thumbnail.${format}"`,
      }
    }
  }
}
