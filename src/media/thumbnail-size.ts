export type ThumbnailMethod = 'crop' | 'scale'

/** What is made: only these sizes, so that nobody fills disk and processor by asking for thousands of others. */
export interface ThumbnailSize {
  readonly width: number
  readonly height: number
  readonly method: ThumbnailMethod
}

const size = (width: number, height: number, method: ThumbnailMethod): ThumbnailSize => ({ width, height, method })

/** The five of the client-server API, "Thumbnails", and those that screens of high density and round pictures ask for; small ones first. */
const thumbnailSizes: readonly ThumbnailSize[] = [
  size(32, 32, 'crop'),
  size(96, 96, 'crop'),
  size(256, 256, 'crop'),
  size(640, 640, 'crop'),
  size(96, 96, 'scale'),
  size(320, 240, 'scale'),
  size(640, 480, 'scale'),
  size(800, 600, 'scale'),
  size(1600, 1200, 'scale'),
]

/**
 * The size to serve for what a client would like: the smallest that is not smaller. A cropped one must have about the shape asked for, else it is scaled.
 * Undefined: none is large enough, so that only the original is.
 */
export function thumbnailSizeFor(width: number, height: number, method: ThumbnailMethod): ThumbnailSize | undefined {
  const fits = (candidate: ThumbnailSize) => candidate.width >= width && candidate.height >= height
  const square = Math.max(width, height) <= 1.25 * Math.min(width, height)
  const cropped =
    method === 'crop' && square ? thumbnailSizes.find((candidate) => candidate.method === 'crop' && fits(candidate)) : undefined
  return cropped ?? thumbnailSizes.find((candidate) => candidate.method === 'scale' && fits(candidate))
}
