/** What browsers only show and never run; source: client-server API, "Serving inline content". */
const inlineTypes: ReadonlySet<string> = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
])

/** A media type with its parameters: RFC 9110, section 8.3.1. */
const mediaType =
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[^"\\\r\n]*"))*$/
const maxTypeLength = 255

/** A content type that can be sent out again as it came; null: it is none. */
export function checkedContentType(text: string | null): string | null {
  return text !== null && text.length <= maxTypeLength && mediaType.test(text) ? text : null
}

/** The header's value for a content: `inline` only for types that cannot run. Source: RFC 6266, section 4, and RFC 8187 for names beyond ASCII. */
export function contentDisposition(contentType: string, fileName: string | null): string {
  const essence = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  const disposition = inlineTypes.has(essence) ? 'inline' : 'attachment'
  return fileName === null ? disposition : `${disposition}; ${fileNameParameter(fileName)}`
}

function fileNameParameter(fileName: string): string {
  if (/^[\x20-\x7e]*$/.test(fileName)) return `filename="${fileName.replaceAll(/["\\]/g, '\\$&')}"`
  // encodeURIComponent leaves these four alone, which RFC 8187 does not allow.
  const encoded = encodeURIComponent(fileName.toWellFormed()).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `filename*=UTF-8''${encoded}`
}

const maxNameLength = 255

/** The file name that another server's header gives to a content; null: none. Source: RFC 6266, section 4, and RFC 8187. */
export function fileNameIn(header: string | undefined): string | null {
  if (header === undefined || header.length > 4096) return null
  const parameters = new Map<string, string>()
  const parameter = /;[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/gy
  parameter.lastIndex = header.search(/;|$/)
  for (let match = parameter.exec(header); match; match = parameter.exec(header)) {
    const [, name = '', quoted, plain = ''] = match
    parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? plain)
  }
  const name = extendedValue(parameters.get('filename*')) ?? parameters.get('filename') ?? ''
  const clean = name
    .replaceAll(/\p{Cc}/gu, '')
    .slice(0, maxNameLength)
    .toWellFormed()
  return clean === '' ? null : clean
}

/** Undefined: not a text in UTF-8, the only encoding that is still in use. */
function extendedValue(text: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'((?:[\w!#$&+.^`|~-]|%[0-9a-f]{2})*)$/i.exec(text ?? '')?.[1]
  if (encoded === undefined) return undefined
  const bytes = encoded.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
