import type { Incoming } from './network.ts'

/** The beginning of an answer. */
export type Head = Pick<Incoming, 'status' | 'headers'>

/** Takes the body of an answer piece by piece, at its own pace. */
export interface Sink {
  /** False: enough, the rest is not wanted. What it throws ends the exchange, and whoever asked gets it. */
  write(chunk: Uint8Array): Promise<boolean>
}

/** Chooses by its beginning where an answer's body goes; undefined: into memory, as much as an error needs. */
export type OpenSink = (head: Head) => Sink | undefined

/** Bytes of a body that goes into memory although a sink was offered. */
export const maxAside = 64 * 1024

type Poured = { readonly problem: string | undefined }

/** Pours a body of at most `limit` bytes into a sink. `problem`: it broke off, or is longer. Throws what the sink throws. */
export async function pour(chunks: AsyncIterable<Uint8Array>, limit: number, sink: Sink): Promise<Poured> {
  let length = 0
  const source = chunks[Symbol.asyncIterator]()
  for (;;) {
    let next: IteratorResult<Uint8Array>
    try {
      next = await source.next()
    } catch (error) {
      return { problem: (error as Error).message }
    }
    if (next.done) return { problem: undefined }
    length += next.value.byteLength
    const problem = length > limit ? `The answer has more than ${limit} bytes` : undefined
    if (problem !== undefined || !(await sink.write(next.value))) {
      // Nobody waits for the rest, nor for its end: whoever sends it may take its time with that too.
      source.return?.().catch(() => undefined)
      return { problem }
    }
  }
}
