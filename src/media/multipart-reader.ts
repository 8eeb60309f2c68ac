/** What a `multipart/mixed` body turns out to hold, in its order: the headers of a part (lower-case names), its bytes, its end. */
export type PartEvent =
  | { readonly kind: 'headers'; readonly headers: ReadonlyMap<string, string> }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end' }

/** Takes a body piece by piece, however it is cut, and holds no more of it than a boundary and the headers of one part. */
export interface MultipartReader {
  /** An array of events; an object: the body is none of this kind, and nothing more may be pushed. */
  push(chunk: Uint8Array): readonly PartEvent[] | { readonly problem: string }
  /** Whether the last boundary came: without it the body broke off. */
  complete(): boolean
}

/** Before the first boundary, which is nothing that anybody reads. */
const maxPreamble = 1024
const maxHeaders = 8 * 1024
const maxHeaderLines = 20
/** Blanks that may follow a boundary. */
const maxPadding = 64

const crlf = '\r\n'
type Place = 'preamble' | 'boundary' | 'headers' | 'body' | 'epilogue'

/** Source: RFC 2046, section 5.1. What it only tolerates is refused. */
export function createMultipartReader(boundary: string): MultipartReader {
  const delimiter = Buffer.from(`${crlf}--${boundary}`)
  // The first boundary may be the first line.
  let pending: Buffer = Buffer.from(crlf)
  let place: Place = 'preamble'
  /** Bytes of the line break after the headers, which belongs to the boundary if that follows at once. */
  let skip = 0

  /** Takes what can be taken; undefined: more must come first. */
  function step(): readonly PartEvent[] | { readonly problem: string } | undefined {
    switch (place) {
      case 'preamble':
        return preamble()
      case 'boundary':
        return restOfBoundary()
      case 'headers':
        return headers()
      case 'body':
        return body()
      case 'epilogue':
        pending = Buffer.alloc(0)
        return undefined
    }
  }

  function preamble() {
    const at = pending.indexOf(delimiter)
    if (at === -1 || at > maxPreamble) return pending.length > maxPreamble ? { problem: 'it does not begin' } : undefined
    pending = pending.subarray(at + delimiter.length)
    place = 'boundary'
    return []
  }

  function restOfBoundary() {
    if (pending.length < 2) return undefined
    if (pending.subarray(0, 2).equals(Buffer.from('--'))) {
      place = 'epilogue'
      return []
    }
    const at = pending.indexOf(crlf)
    const padding = pending.subarray(0, at === -1 ? undefined : at).toString('latin1')
    if (padding.length > maxPadding || !/^[ \t]*\r?$/.test(padding)) return { problem: 'a line that is almost a boundary' }
    if (at === -1) return undefined
    // The line break stays: headers, if there are any, follow it, and an empty line ends them.
    pending = pending.subarray(at)
    place = 'headers'
    return []
  }

  function headers(): readonly PartEvent[] | { readonly problem: string } | undefined {
    const at = pending.indexOf(`${crlf}${crlf}`)
    if (at === -1 || at > maxHeaders) return pending.length > maxHeaders ? { problem: 'too long headers' } : undefined
    const read = readHeaders(pending.subarray(0, at).toString('utf8'))
    if ('problem' in read) return read
    pending = pending.subarray(at + crlf.length)
    skip = crlf.length
    place = 'body'
    return [{ kind: 'headers', headers: read.headers }]
  }

  function body(): readonly PartEvent[] | undefined {
    const at = pending.indexOf(delimiter)
    // What cannot be the beginning of a boundary.
    const end = at === -1 ? pending.length - delimiter.length + 1 : at
    if (end <= skip && at === -1) return undefined
    const bytes = pending.subarray(skip, Math.max(skip, end))
    skip = 0
    const events: PartEvent[] = bytes.length > 0 ? [{ kind: 'bytes', bytes }] : []
    if (at === -1) {
      pending = pending.subarray(end)
      return bytes.length > 0 ? events : undefined
    }
    pending = pending.subarray(at + delimiter.length)
    place = 'boundary'
    events.push({ kind: 'end' })
    return events
  }

  return {
    push(chunk) {
      pending = Buffer.concat([pending, chunk])
      const events: PartEvent[] = []
      for (let taken = step(); taken !== undefined; taken = step()) {
        if ('problem' in taken) return taken
        events.push(...taken)
      }
      return events
    },
    complete: () => place === 'epilogue',
  }
}

function readHeaders(text: string): { readonly headers: ReadonlyMap<string, string> } | { readonly problem: string } {
  const headers = new Map<string, string>()
  // A line that begins with a blank goes on with the one before.
  const lines = text.replaceAll(/\r\n[ \t]+/g, ' ').split(crlf)
  if (lines.length > maxHeaderLines) return { problem: 'too many headers' }
  for (const line of lines.filter((line) => line !== '')) {
    const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(line)
    if (!match) return { problem: 'a line that is no header' }
    const [, name = '', value = ''] = match
    if (headers.has(name.toLowerCase())) return { problem: `two headers ${name}` }
    headers.set(name.toLowerCase(), value)
  }
  return { headers }
}

/** The boundary in the content type of a `multipart/mixed` body; undefined: it is none. Source: RFC 2046, section 5.1.1. */
export function boundaryIn(contentType: string | undefined): string | undefined {
  const match = /^multipart\/mixed[ \t]*;(.*)$/i.exec(contentType ?? '')
  const parameter = /(?:^|;)[ \t]*boundary=(?:"([^"\\]*)"|([^\s;"]+))[ \t]*(?:;|$)/i.exec(match?.[1] ?? '')
  const boundary = parameter?.[1] ?? parameter?.[2]
  return boundary !== undefined && /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary) ? boundary : undefined
}
