/** Whether a text matches. */
export type Matcher = (text: string) => boolean

/**
 * Globs, without regard to case: appendices, "Glob-style matching". They are matched by hand, in time text × pattern at worst,
 * since both sides come from strangers and a regular expression could be made to backtrack for hours.
 */
export function compileGlob(pattern: string): Matcher {
  const wanted = pattern.toLowerCase()
  if (!/[*?]/.test(wanted)) return (text) => text === wanted || text.toLowerCase() === wanted
  const segments = wanted.split('*')
  return (text) => matches(text.toLowerCase(), segments, isStart, isStop)
}

/**
 * A glob for any part of a text that starts and ends at word boundaries: client-server API, push rules, `event_match` on
 * `content.body`. `literal` takes `*` and `?` as themselves.
 */
export function compileWordGlob(pattern: string, literal = false): Matcher {
  const wanted = pattern.toLowerCase()
  if (literal || !/[*?]/.test(wanted)) return (text) => hasWord(text.toLowerCase(), wanted)
  const segments = wanted.split('*')
  return (text) => matches(text.toLowerCase(), segments, isWordBoundary, isWordBoundary)
}

type Boundary = (text: string, at: number) => boolean

const isStart: Boundary = (_text, at) => at === 0
const isStop: Boundary = (text, at) => at === text.length

/** An end of the text, or a place beside a character other than A-Z, a-z, 0-9 and `_`. */
const isWordBoundary: Boundary = (text, at) =>
  at === 0 || at === text.length || !isWordCharacter(text.charCodeAt(at - 1)) || !isWordCharacter(text.charCodeAt(at))

/** Texts are in lower case here. */
function isWordCharacter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95
}

function hasWord(text: string, wanted: string): boolean {
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    if (isWordBoundary(text, at) && isWordBoundary(text, at + wanted.length)) return true
    if (at >= text.length) return false
  }
  return false
}

/**
 * Segments are what stands between the stars. Taking each at its first place is enough: whatever fits behind a later place fits
 * behind the first one too. Only where the whole starts and stops has to be a place of its own kind.
 */
function matches(text: string, segments: readonly string[], mayStart: Boundary, mayStop: Boundary): boolean {
  const last = segments.length - 1
  let from = 0
  for (let i = 0; i <= last; i++) {
    const accepts = (start: number, stop: number) => (i > 0 || mayStart(text, start)) && (i < last || mayStop(text, stop))
    const stop = findSegment(text, segments[i]!, from, accepts)
    if (stop === -1) return false
    from = stop
  }
  return true
}

/** Where the first acceptable occurrence of a segment ends, or -1. */
function findSegment(text: string, segment: string, from: number, accepts: (start: number, stop: number) => boolean): number {
  for (let start = from; start <= text.length; start++) {
    const end = endOfSegment(text, segment, start)
    if (end !== -1 && accepts(start, end)) return end
  }
  return -1
}

/** Where a segment ends that starts at a place, or -1 where it does not fit. `?` is one character, which may be two code units. */
function endOfSegment(text: string, segment: string, start: number): number {
  let at = start
  for (let i = 0; i < segment.length; i++) {
    if (at >= text.length) return -1
    if (segment[i] === '?') at += text.codePointAt(at)! > 0xffff ? 2 : 1
    else if (segment.charCodeAt(i) === text.charCodeAt(at)) at += 1
    else return -1
  }
  return at
}
