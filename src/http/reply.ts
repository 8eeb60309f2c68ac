/** An answer that is more than a JSON object with status 200. */
export interface Reply {
  readonly kind: 'reply'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null
}

/** What a handler may return: an object to be written as JSON, or a `Reply`. */
export type Answer = Reply | Readonly<Record<string, unknown>> | readonly unknown[]

export function reply(status: number, headers: Reply['headers'], body: Reply['body']): Reply {
  return { kind: 'reply', status, headers, body }
}

const jsonHeaders = { 'content-type': 'application/json' }

/** JSON that is text already, such as stored events spliced together. */
export function jsonText(text: string, status = 200): Reply {
  return reply(status, jsonHeaders, text)
}

export function isReply(answer: Answer): answer is Reply {
  return (answer as Reply).kind === 'reply'
}
