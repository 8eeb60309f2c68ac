import { open } from 'node:fs/promises'
import { type Reply, reply } from '../http/reply.ts'
import { byteRange, matchesTag } from './byte-range.ts'

/** What is sent of a file, and with which headers beyond those that all media have. */
export interface Served {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Names the content: another content has another one. */
  readonly tag: string
  readonly contentType: string
  readonly contentDisposition: string
}

const chunkBytes = 64 * 1024

/** Source: client-server API, "Content repository". Media are foreign: nothing in them may run, and no type may be guessed. */
const safetyHeaders = {
  'content-security-policy':
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
  'cross-origin-resource-policy': 'cross-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** Answers with a file, or the part of it that `Range` asks for, or 304 if the client has it. */
export function serve(request: Request, { path, size, tag, contentType, contentDisposition }: Served): Reply {
  const etag = `"${tag}"`
  const headers = {
    ...safetyHeaders,
    'accept-ranges': 'bytes',
    etag,
  }
  // What stands behind an mxc:// URI never changes, but it may be deleted, and not everybody may see it.
  const kept = { ...headers, 'cache-control': 'private, max-age=86400, immutable' }
  if (matchesTag(request.headers.get('if-none-match'), etag)) return reply(304, kept, null)
  const whole = { ...kept, 'content-type': contentType, 'content-disposition': contentDisposition }
  const condition = request.headers.get('if-range')
  const range = condition === null || condition === etag ? byteRange(request.headers.get('range'), size) : undefined
  if (range === undefined) return reply(200, { ...whole, 'content-length': String(size) }, fileStream(path, 0, size))
  if (range === 'unsatisfiable') return reply(416, { ...headers, 'content-range': `bytes */${size}` }, null)
  const { from, to } = range
  const part = { 'content-range': `bytes ${from}-${to}/${size}`, 'content-length': String(to - from + 1) }
  return reply(206, { ...whole, ...part }, fileStream(path, from, to + 1))
}

/** Bytes `from` to `end` (excluded) of a file. Opened at the first read only, since an answer to HEAD is never read. */
export function fileStream(path: string, from: number, end: number): ReadableStream<Uint8Array> {
  let file: Awaited<ReturnType<typeof open>> | undefined
  let position = from
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (position < end) {
          file ??= await open(path)
          const { bytesRead, buffer } = await file.read(new Uint8Array(Math.min(chunkBytes, end - position)), { position })
          if (bytesRead === 0) {
            await file.close()
            throw new Error('a media file is shorter than it should be')
          }
          position += bytesRead
          controller.enqueue(buffer.subarray(0, bytesRead))
        }
        if (position >= end) {
          controller.close()
          await file?.close()
        }
      },
      async cancel() {
        await file?.close()
      },
    },
    { highWaterMark: 0 },
  )
}
