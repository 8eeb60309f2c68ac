import { badJson, type MatrixError, notJson, tooLarge } from './errors.ts'

/** Deeper than any real event; the recursive code behind must not be driven to the end of the stack. */
const maxDepth = 100

/** Reads at most `limit` bytes of a body; the length that a client announces is not trusted, since it may announce none. */
export async function readBody(request: Request, limit: number): Promise<{ text: string } | { error: MatrixError }> {
  const announced = request.headers.get('content-length')
  if (announced !== null) {
    // Node's HTTP parser ends the body at the announced length.
    if (Number(announced) > limit) return { error: tooLarge(`The body has more than ${limit} bytes`) }
    return { text: await request.text() }
  }
  if (!request.body) return { text: '' }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body) {
    length += chunk.byteLength
    if (length > limit) return { error: tooLarge(`The body has more than ${limit} bytes`) }
    chunks.push(chunk)
  }
  return { text: Buffer.concat(chunks).toString('utf8') }
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
