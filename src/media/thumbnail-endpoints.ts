import { stat } from 'node:fs/promises'
import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { limitExceeded, tooLarge, unknown } from '../http/errors.ts'
import { contentFor, type LookupDeps, timeoutField } from './lookup.ts'
import { serve } from './serve.ts'
import { thumbnailSizeFor } from './thumbnail-size.ts'
import type { Thumbnails } from './thumbnails.ts'

export interface ThumbnailDeps extends LookupDeps {
  readonly thumbnails: Thumbnails
}

/** A room full of pictures may be opened at once. */
const thumbnailLimit: RateLimit = { name: 'media-thumbnail', by: 'user', burst: 300, perSecond: 20 }

const dimension = Type.Integer({ minimum: 1, maximum: 100_000 })
const query = Type.Object({
  width: dimension,
  height: dimension,
  method: Type.Optional(Type.Enum(['crop', 'scale'])),
  animated: Type.Optional(Type.Boolean()),
  ...timeoutField,
})

/** Source: client-server API, "Thumbnails". */
export function thumbnailEndpoints(deps: ThumbnailDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}',
      auth: 'session',
      query,
      rateLimit: thumbnailLimit,
      async handle({ path: { serverName, mediaId }, query: wish, raw, signal }) {
        const { hash } = await contentFor(deps, { server: serverName, mediaId, timeout: wish.timeout_ms, signal })
        const size = thumbnailSizeFor(wish.width, wish.height, wish.method ?? 'scale')
        const thumbnail = await deps.thumbnails.of(hash, size, wish.animated ?? false)
        switch (thumbnail.kind) {
          case 'undecodable':
            throw unknown('The media is no image that thumbnails can be made of')
          case 'too-large':
            throw tooLarge('The image is too large for a thumbnail')
          case 'busy':
            throw limitExceeded(5000)
          case 'file': {
            const { path, format, variant } = thumbnail
            return serve(raw, {
              path,
              size: (await stat(path)).size,
              tag: `${hash}-${variant}`,
              contentType: `image/${format}`,
              contentDisposition: `inline; filename="thumbnail.${format}"`,
            })
          }
        }
      },
    }),
  ]
}
