import { invalidParam, type MatrixError } from './errors.ts'

/** How a path template such as `/rooms/{roomId}/leave` is routed, and how its parameters are read from a URL. */
export interface PathTemplate {
  /** For the router: the parameters have no names of their own, so that the same place is always the same. */
  readonly route: string
  read(url: string): { readonly path: Readonly<Record<string, string>> } | { readonly error: MatrixError }
}

export function pathTemplate(template: string): PathTemplate {
  const segments = template.split('/')
  const names = segments.flatMap((segment, index) => {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1]
    return name === undefined ? [] : [{ name, index }]
  })
  return {
    route: segments.map((segment, index) => (segment.startsWith('{') ? `:p${index}` : segment)).join('/'),
    read(url) {
      const path: Record<string, string> = {}
      if (names.length === 0) return { path }
      const sent = pathOf(url).split('/')
      for (const { name, index } of names) {
        const text = decode(sent[index] ?? '')
        if (text === undefined) return { error: invalidParam(`${name}: not a percent-encoding of UTF-8`) }
        path[name] = text
      }
      return { path }
    },
  }
}

/** Path and query as they were sent. */
export function targetOf(url: string): string {
  return url.slice(url.indexOf('/', url.indexOf('//') + 2))
}

/** The path as it was sent: decoded once as a whole, `%2F` could not be told from a slash, nor `%252F` from `%2F`. */
function pathOf(url: string): string {
  const target = targetOf(url)
  const end = target.search(/[?#]/)
  return end < 0 ? target : target.slice(0, end)
}

/** Undefined: no well-formed percent-encoding. */
function decode(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** Orders templates so that a literal segment comes before a parameter in the same place. */
export function bySpecificity(one: string, other: string): number {
  const [left, right] = [one.split('/'), other.split('/')]
  for (const [index, segment] of left.entries()) {
    const opposite = right[index] ?? ''
    if (segment.startsWith('{') !== opposite.startsWith('{')) return segment.startsWith('{') ? 1 : -1
  }
  return 0
}
