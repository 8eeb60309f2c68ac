import { describe, expect, test } from 'vitest'
import { boundaryIn, createMultipartReader, type PartEvent } from '../../src/media/multipart-reader.ts'
import { seededRandom } from '../support/random.ts'

interface Part {
  readonly headers: Record<string, string>
  readonly body: string
}

/** Reads a body that comes in pieces of these lengths, the last one again and again. */
function read(body: string, lengths: readonly number[] = [1_000_000], boundary = 'b') {
  const reader = createMultipartReader(boundary)
  const bytes = Buffer.from(body, 'latin1')
  const parts: { headers: Record<string, string>; body: string; ended: boolean }[] = []
  const take = (event: PartEvent) => {
    const part = parts.at(-1)
    if (event.kind === 'headers') parts.push({ headers: Object.fromEntries(event.headers), body: '', ended: false })
    else if (!part) throw new Error('a part without headers')
    else if (event.kind === 'bytes') part.body += event.bytes.toString('latin1')
    else part.ended = true
  }
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[Math.min(turn, lengths.length - 1)] ?? 1
    const events = reader.push(bytes.subarray(at, at + length))
    if ('problem' in events) return { problem: events.problem }
    for (const event of events) take(event)
    at += length
  }
  return { parts, complete: reader.complete() }
}

const whole = (...parts: Part[]) => ({ parts: parts.map((part) => ({ ...part, ended: true })), complete: true })
const usual = '--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--'
const usualParts = whole(
  { headers: { 'content-type': 'application/json' }, body: '{}' },
  { headers: { 'content-type': 'text/plain' }, body: 'hello' },
)

describe('a body', () => {
  test.each([
    ['as it should be', usual],
    ['that begins with a line break', `\r\n${usual}`],
    ['with a preamble', `nobody reads this\r\n${usual}`],
    ['with something behind', `${usual}\r\nnobody reads this`],
    ['with blanks behind boundaries', usual.replace('--b\r\n', '--b \t\r\n')],
  ])('%s is read', (_, body) => {
    expect(read(body)).toEqual(usualParts)
    expect(read(body, [1])).toEqual(usualParts)
  })

  test('is read whichever way it is cut', () => {
    const random = seededRandom('cuts')
    const content = 'x\r\n--\r\n-\r\n--a\r\r\n\n--b'
    const body = `--b\r\n\r\n\r\n--b\r\nA: 1\r\nB: 2\r\n\r\n${content}\r\n--b--`
    const expected = whole({ headers: {}, body: '' }, { headers: { a: '1', b: '2' }, body: content })
    for (let round = 0; round < 300; round += 1) {
      const lengths = [...random.bytes(body.length)].map((byte) => (byte % 7) + 1)
      expect(read(body, lengths)).toEqual(expected)
    }
  })

  test('may have parts without a body, with and without the line break that would end it', () => {
    const parts = whole({ headers: { location: 'https://x/' }, body: '' }, { headers: {}, body: '' })
    expect(read('--b\r\nLocation: https://x/\r\n\r\n--b\r\n\r\n--b--')).toEqual(parts)
    expect(read('--b\r\nLocation: https://x/\r\n\r\n\r\n--b\r\n\r\n\r\n--b--')).toEqual(parts)
  })

  test('may continue a header in the next line', () => {
    expect(read('--b\r\nA: one;\r\n  two\r\n\r\nx\r\n--b--')).toEqual(whole({ headers: { a: 'one; two' }, body: 'x' }))
  })

  test.each([
    ['without its last boundary', usual.slice(0, -2)],
    ['cut in a part', usual.slice(0, -8)],
    ['that is empty', ''],
  ])('%s is not complete', (_, body) => {
    expect(read(body)).toMatchObject({ complete: false })
  })

  test.each([
    ['without a beginning', 'x'.repeat(5000), 'it does not begin'],
    ['that begins late', `${'x'.repeat(5000)}\r\n${usual}`, 'it does not begin'],
    ['with endless headers', `--b\r\nA: ${'x'.repeat(20_000)}`, 'too long headers'],
    ['with long headers', `--b\r\nA: ${'x'.repeat(20_000)}\r\n\r\nx\r\n--b--`, 'too long headers'],
    [
      'with many headers',
      `--b\r\n${Array.from({ length: 30 }, (_, i) => `A${i}: 1\r\n`).join('')}\r\nx\r\n--b--`,
      'too many headers',
    ],
    ['with a header twice', '--b\r\nA: 1\r\na: 2\r\n\r\nx\r\n--b--', 'two headers a'],
    ['with what is no header', '--b\r\nA 1\r\n\r\nx\r\n--b--', 'a line that is no header'],
    ['with half a boundary inside', '--b\r\n\r\nx\r\n--but not\r\n--b--', 'a line that is almost a boundary'],
    ['with endless blanks', `--b${' '.repeat(500)}`, 'a line that is almost a boundary'],
  ])('%s is refused', (_, body, problem) => {
    expect(read(body)).toEqual({ problem })
    expect(read(body, [1])).toEqual({ problem })
  })
})

test.each([
  ['multipart/mixed; boundary=abc', 'abc'],
  ['Multipart/Mixed;Boundary="a b?c"', 'a b?c'],
  ['multipart/mixed; charset=utf-8; boundary=abc; x=y', 'abc'],
  ['multipart/mixed', undefined],
  ['multipart/mixed; boundary=', undefined],
  ['multipart/mixed; boundary="a\\"b"', undefined],
  ['multipart/mixed; boundary="abc "', undefined],
  [`multipart/mixed; boundary=${'x'.repeat(71)}`, undefined],
  ['multipart/form-data; boundary=abc', undefined],
  ['image/png', undefined],
  [undefined, undefined],
])('the boundary in %j is %j', (type, boundary) => {
  expect(boundaryIn(type)).toBe(boundary)
})
