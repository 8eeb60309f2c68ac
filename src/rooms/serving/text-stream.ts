import { type Reply, reply } from '../../http/reply.ts'

/** UTF-16 units handed on at once. */
const chunkLength = 64 * 1024

/** JSON text that is read from the database while it is sent: the state of a large room never stands in memory as a whole. */
export function jsonStream(parts: Iterable<string>): Reply {
  const iterator = parts[Symbol.iterator]()
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      let text = ''
      while (text.length < chunkLength) {
        const { done, value } = iterator.next()
        if (!done) {
          text += value
          continue
        }
        if (text !== '') controller.enqueue(encoder.encode(text))
        controller.close()
        return
      }
      controller.enqueue(encoder.encode(text))
    },
    cancel() {
      iterator.return?.()
    },
  })
  return reply(200, { 'content-type': 'application/json' }, body)
}

/** The items of a JSON array, with commas between them. */
export function* separated(texts: Iterable<string>): Generator<string> {
  let comma = ''
  for (const text of texts) {
    yield comma + text
    comma = ','
  }
}
