import { isUtf8 } from 'node:buffer'
import { badJson, type MatrixError, notJson, tooLarge, unknown } from './errors.ts'

/** Deeper than any real event; the recursive code behind must not be driven to the end of the stack. */
const maxDepth = 100

/** Reads at most `limit` bytes of a body; the length that a client announces is not trusted, since it may announce none. */
export async function readBody(request: Request, limit: number): Promise<{ text: string } | { error: MatrixError }> {
  let bytes: Uint8Array | undefined
  try {
    bytes = await readBytes(request, limit)
  } catch (error) {
    // Only the client's connection fails here: it went, was too slow, or sent no proper chunks.
    return { error: unknown(`The body cannot be read to its end (${(error as Error).name})`) }
  }
  if (!bytes) return { error: tooLarge(`The body has more than ${limit} bytes`) }
  // RFC 8259, section 8.1; a lenient decoder would put other characters into what people sign.
  if (!isUtf8(bytes)) return { error: notJson('The body is not UTF-8') }
  return { text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8') }
}

/** Undefined: there are more than `limit`. */
async function readBytes(request: Request, limit: number): Promise<Uint8Array | undefined> {
  const announced = request.headers.get('content-length')
  if (announced !== null) {
    // Node's HTTP parser ends the body at the announced length.
    return Number(announced) > limit ? undefined : new Uint8Array(await request.arrayBuffer())
  }
  if (!request.body) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body) {
    length += chunk.byteLength
    if (length > limit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function parseBody(text: string): { value: unknown } | { error: MatrixError } {
  // Many clients send nothing where every field is optional.
  if (text === '') return { value: {} }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { error: notJson('The body is not JSON') }
  }
  if (text.length > 2 * maxDepth && depthOf(text) > maxDepth)
    return { error: badJson(`body: nested deeper than ${maxDepth} levels`) }
  return { value }
}

/** Depth of a JSON text that is known to be well-formed. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === 92) index += 1
      else if (code === 34) inString = false
    } else if (code === 34) inString = true
    else if (code === 123 || code === 91) deepest = Math.max(deepest, ++depth)
    else if (code === 125 || code === 93) depth -= 1
  }
  return deepest
}
