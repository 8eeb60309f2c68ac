import { type Reply, reply } from '../http/reply.ts'
import { fileStream, type Served } from './serve.ts'

/**
 * Answers another server with a file: an empty object, where a description may once be, then the media. Its boundary stands without quotes,
 * which not everybody takes off. Source: server-server API, "Content Repository".
 */
export function multipartReply({ path, size, contentType, contentDisposition }: Served, boundary: string): Reply {
  const before = Buffer.from(
    [
      `--${boundary}`,
      'Content-Type: application/json',
      '',
      '{}',
      `--${boundary}`,
      `Content-Type: ${contentType}`,
      `Content-Disposition: ${contentDisposition}`,
      '',
      '',
    ].join('\r\n'),
  )
  const after = Buffer.from(`\r\n--${boundary}--\r\n`)
  const headers = {
    'content-type': `multipart/mixed; boundary=${boundary}`,
    'content-length': String(before.length + size + after.length),
    'cache-control': 'private, max-age=86400, immutable',
  }
  return reply(200, headers, joined(before, fileStream(path, 0, size), after))
}

/** Bytes, a stream, bytes. */
function joined(before: Uint8Array, stream: ReadableStream<Uint8Array>, after: Uint8Array): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  let begun = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!begun) {
          begun = true
          return controller.enqueue(before)
        }
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        controller.enqueue(after)
        controller.close()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
