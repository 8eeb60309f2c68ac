// A mark that no JSON can bear: content that users wrote must never pass for an answer with a status and headers of its own.
const mark: unique symbol = Symbol('reply')

/** An answer that is more than a JSON object with status 200. */
export interface Reply {
  readonly [mark]: true
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null
}

/** What a handler may return: an object to be written as JSON, or a `Reply`. */
export type Answer = Reply | Readonly<Record<string, unknown>> | readonly unknown[]

export function reply(status: number, headers: Reply['headers'], body: Reply['body']): Reply {
  return { [mark]: true, status, headers, body }
}

const jsonHeaders = { 'content-type': 'application/json' }

/** JSON that is text already, such as stored events spliced together. */
export function jsonText(text: string, status = 200): Reply {
  return reply(status, jsonHeaders, text)
}

export function isReply(answer: Answer): answer is Reply {
  return mark in answer
}
