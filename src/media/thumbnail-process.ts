// A process of its own: image decoders are the most attacked code there is, and the memory that they took is given back when it ends.
import sharp, { type Metadata, type Sharp } from 'sharp'
import type { ThumbnailMethod } from './thumbnail-size.ts'

export interface ThumbnailJob {
  readonly source: string
  /** Undefined: the original, if it can be shown as it is. */
  readonly size: { readonly width: number; readonly height: number; readonly method: ThumbnailMethod } | undefined
  readonly animated: boolean
  /** Pixels of all frames that are decoded. */
  readonly maxPixels: number
}

export type ThumbnailFormat = 'jpeg' | 'png' | 'gif' | 'webp'

export type ThumbnailResult =
  | { readonly kind: 'made'; readonly format: ThumbnailFormat; readonly bytes: Uint8Array }
  /** The original is smaller than what was asked for: nothing is ever enlarged. */
  | { readonly kind: 'original'; readonly format: ThumbnailFormat }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'undecodable' }

const originals: ReadonlySet<string> = new Set(['jpeg', 'png', 'gif', 'webp'])

sharp.concurrency(1)
sharp.cache(false)
// Photographs and drawings of chats only: no SVG, PDF or TIFF, whose decoders read files and fetch fonts.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((decoder) => `VipsForeignLoad${decoder}File`),
})

async function makeThumbnail(job: ThumbnailJob): Promise<ThumbnailResult> {
  const { source, size, maxPixels } = job
  const found = await look(source)
  if (!found) return { kind: 'undecodable' }
  const { width, height, frames } = found
  if (width * height > maxPixels) return { kind: 'too-large' }
  const animated = job.animated && frames > 1 && width * height * frames <= maxPixels
  const format = originals.has(found.format) ? (found.format as ThumbnailFormat) : undefined
  const small = !size || (width <= size.width && height <= size.height)
  if (small && format !== undefined && frames > 1 === animated) return { kind: 'original', format }
  const image = sharp(source, { limitInputPixels: maxPixels, failOn: 'error', animated })
  return encode(resized(image.autoOrient(), size, found), { animated, alpha: found.alpha, photograph: found.format === 'jpeg' })
}

interface Found {
  readonly format: string
  /** Of one frame, turned as it is shown. */
  readonly width: number
  readonly height: number
  readonly frames: number
  readonly alpha: boolean
}

/** Only the file's header is read. */
async function look(source: string): Promise<Found | undefined> {
  let metadata: Metadata
  try {
    metadata = await sharp(source, { limitInputPixels: false, animated: true }).metadata()
  } catch {
    // Any complaint of the decoder means the same: this is no image that it knows.
    return undefined
  }
  const { format, width, height, pages = 1, pageHeight = height, orientation = 1, hasAlpha } = metadata
  const turned = orientation >= 5
  return { format, width: turned ? pageHeight : width, height: turned ? width : pageHeight, frames: pages, alpha: hasAlpha }
}

function resized(image: Sharp, size: ThumbnailJob['size'], found: Found): Sharp {
  if (!size) return image
  const { method } = size
  // A picture that is too narrow or too low to fill the size is cropped to its shape only.
  const factor = method === 'crop' ? Math.min(1, found.width / size.width, found.height / size.height) : 1
  const width = Math.max(1, Math.round(size.width * factor))
  const height = Math.max(1, Math.round(size.height * factor))
  return image.resize({ width, height, fit: method === 'crop' ? 'cover' : 'inside', withoutEnlargement: true })
}

async function encode(
  image: Sharp,
  { animated, alpha, photograph }: { readonly animated: boolean; readonly alpha: boolean; readonly photograph: boolean },
): Promise<ThumbnailResult> {
  const format: ThumbnailFormat = animated ? 'webp' : photograph && !alpha ? 'jpeg' : 'png'
  try {
    const bytes = await image.toFormat(format, format === 'png' ? {} : { quality: 80 }).toBuffer()
    return { kind: 'made', format, bytes }
  } catch {
    // As above: what the decoder complains about is the image.
    return { kind: 'undecodable' }
  }
}

process.on('message', async (job: ThumbnailJob) => {
  process.send?.(await makeThumbnail(job))
})
