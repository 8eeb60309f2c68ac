import { extname } from 'node:path'
import type { MediaFiles } from './files.ts'
import { createKeyedLock } from './keyed-lock.ts'
import type { ThumbnailFormat } from './thumbnail-process.ts'
import type { ThumbnailSize } from './thumbnail-size.ts'
import type { Thumbnailer } from './thumbnailer.ts'

/** Pixels of an image (of all frames of an animated one) that is looked into. */
const maxPixels = 50_000_000
/** Contents that could not be decoded are not tried again until the next start. */
const maxKnownFailures = 1000

type Thumbnail =
  | { readonly kind: 'file'; readonly path: string; readonly format: ThumbnailFormat; readonly variant: string }
  | { readonly kind: 'undecodable' | 'too-large' | 'busy' }

export interface Thumbnails {
  /** A thumbnail of a stored content, made now or earlier. `size` undefined: the whole picture. */
  of(hash: string, size: ThumbnailSize | undefined, animated: boolean): Promise<Thumbnail>
}

export function createThumbnails({
  files,
  thumbnailer,
  kept: noteKept,
}: {
  readonly files: MediaFiles
  readonly thumbnailer: Thumbnailer
  /** Called when a thumbnail takes up so many bytes more. */
  readonly kept?: (hash: string, bytes: number) => Promise<void>
}): Thumbnails {
  const lock = createKeyedLock()
  const failures = new Map<string, 'undecodable' | 'too-large'>()

  function remember(hash: string, kind: 'undecodable' | 'too-large'): Thumbnail {
    failures.set(hash, kind)
    const oldest = failures.size > maxKnownFailures ? failures.keys().next().value : undefined
    if (oldest !== undefined) failures.delete(oldest)
    return { kind }
  }

  /** Names end in the format; a kept name in `.original.FORMAT` says that the original serves. */
  function kept(hash: string, variant: string, path: string): Thumbnail {
    const format = extname(path).slice(1) as ThumbnailFormat
    return { kind: 'file', path: path.endsWith(`.original.${format}`) ? files.pathOf(hash) : path, format, variant }
  }

  async function make(hash: string, size: ThumbnailSize | undefined, animated: boolean, variant: string): Promise<Thumbnail> {
    const job = { source: files.pathOf(hash), size, animated, maxPixels }
    let result = await thumbnailer.make(job)
    // The system may have ended the process for want of memory: that is not the image's fault, but a second time it is.
    if (result.kind === 'crashed') result = await thumbnailer.make(job)
    switch (result.kind) {
      case 'made':
        await noteKept?.(hash, result.bytes.byteLength)
        return kept(hash, variant, await files.keepThumbnail(hash, `${variant}.${result.format}`, result.bytes))
      case 'original':
        return kept(hash, variant, await files.keepThumbnail(hash, `${variant}.original.${result.format}`, new Uint8Array()))
      case 'busy':
        return { kind: 'busy' }
      case 'too-large':
      case 'too-slow':
        return remember(hash, 'too-large')
      case 'undecodable':
      case 'crashed':
        return remember(hash, 'undecodable')
    }
  }

  return {
    of(hash, size, animated) {
      const variant = `${size ? `${size.width}x${size.height}-${size.method}` : 'whole'}${animated ? '-animated' : ''}`
      return lock(`${hash} ${variant}`, async () => {
        const found = await files.findThumbnail(hash, variant)
        if (found !== undefined) return kept(hash, variant, found)
        const failure = failures.get(hash)
        return failure ? { kind: failure } : make(hash, size, animated, variant)
      })
    },
  }
}
