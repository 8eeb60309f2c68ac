import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CanonicalJsonError, canonicalJson, checkCanonical, maxJsonDepth, parseJson } from '../../src/matrix/canonical-json.ts'
import type { JsonValue } from '../../src/matrix/json.ts'
import { jsonValue, reversed } from './json-arbitrary.ts'
import { loadVectors } from './vectors.ts'

interface File {
  readonly cases: readonly { input: string; expected: { strict: string | null; lenient: string | null } }[]
}

function canonicalOf(text: string, profile: 'strict' | 'lenient'): string | null {
  const read = parseJson(text, profile)
  return 'value' in read ? canonicalJson(read.value, profile) : null
}

describe('vectors', () => {
  for (const { input, expected } of loadVectors<File>('canonical-json').cases) {
    const title = JSON.stringify(input).slice(0, 100)
    test(`strict ${title}`, () => expect(canonicalOf(input, 'strict')).toBe(expected.strict))
    test(`lenient ${title}`, () => expect(canonicalOf(input, 'lenient')).toBe(expected.lenient))
  }
})

describe('appendices, "Canonical JSON", examples', () => {
  const examples: readonly [JsonValue, string][] = [
    [{}, '{}'],
    [{ one: 1, two: 'Two' }, '{"one":1,"two":"Two"}'],
    [{ b: '2', a: '1' }, '{"a":"1","b":"2"}'],
    [
      {
        auth: {
          success: true,
          mxid: '@john.doe:example.com',
          profile: {
            display_name: 'John Doe',
            three_pids: [
              { medium: 'email', address: 'john.doe@example.org' },
              { medium: 'msisdn', address: '123456789' },
            ],
          },
        },
      },
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    [{ a: '日本語' }, '{"a":"日本語"}'],
    [{ 本: 2, 日: 1 }, '{"日":1,"本":2}'],
    [{ a: '\u65E5' }, '{"a":"日"}'],
    [{ a: null }, '{"a":null}'],
    [{ a: -0, b: 1e10 }, '{"a":0,"b":10000000000}'],
  ]
  for (const [value, text] of examples) test(text, () => expect(canonicalJson(value)).toBe(text))
})

describe('what has no canonical form', () => {
  const nested = (depth: number): JsonValue => (depth === 0 ? 1 : [nested(depth - 1)])
  const cases: readonly [JsonValue, string][] = [
    [{ content: { body: 1.5 } }, 'content.body: the number is not an integer'],
    [{ content: { ratios: [1, 2, Number.NaN] } }, 'content.ratios.2: the number is not an integer'],
    [{ a: Number.POSITIVE_INFINITY }, 'a: the number is not an integer'],
    [{ depth: 2 ** 53 }, 'depth: the integer is beyond ±(2^53-1)'],
    [{ depth: 2n ** 53n }, 'depth: the integer is beyond ±(2^53-1)'],
    [{ a: 'x\ud800' }, 'a: the string has a lone surrogate'],
    [{ a: { 'x\udfff': 1 } }, 'a.x\ufffd: the key has a lone surrogate'],
    ['\udc00', 'the string has a lone surrogate'],
    [{ a: [undefined as unknown as JsonValue] }, 'a.0: not a JSON value'],
    [{ a: (() => 1) as unknown as JsonValue }, 'a: not a JSON value'],
  ]
  for (const [value, problem] of cases) {
    test(problem, () => {
      expect(checkCanonical(value)).toBe(problem)
      expect(() => canonicalJson(value)).toThrow(new CanonicalJsonError(problem))
    })
  }

  test('nesting is bounded, in reading and in writing', () => {
    expect(canonicalJson(nested(maxJsonDepth))).toHaveLength(2 * maxJsonDepth + 1)
    expect(checkCanonical(nested(maxJsonDepth + 1))).toContain(`nested deeper than ${maxJsonDepth}`)
    expect(() => canonicalJson(nested(maxJsonDepth + 1))).toThrow(CanonicalJsonError)
    const text = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(parseJson(text(maxJsonDepth), 'strict')).toHaveProperty('value')
    for (const depth of [maxJsonDepth + 1, 1_000_000]) expect(parseJson(text(depth), 'strict')).toHaveProperty('problem')
    expect(parseJson('{"a":'.repeat(100_000), 'lenient')).toHaveProperty('problem')
  })

  test('a number in the lenient profile whose digits are lost', () => {
    expect(() => canonicalJson({ a: 2 ** 60 }, 'lenient')).toThrow('a: the integer is beyond')
  })
})

describe('parseJson beyond the vectors', () => {
  const refused = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '"\\u12\\\\34"',
    '"\\\\\\"',
    '"\\u00g0"',
    '"\\',
    '-',
    '[-]',
    '\ufeff{}',
    '"\ud800"',
    '\u00a0{}',
    'truetrue',
    '{"a"',
    '{"a":',
    '[1',
    '[,1]',
    '{,}',
    'tru',
  ]
  for (const text of refused) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseJson(text, 'strict')).toHaveProperty('problem')
      expect(parseJson(text, 'lenient')).toHaveProperty('problem')
    })
  }

  test('says where', () => {
    expect(parseJson('{"a":1.0}', 'strict')).toEqual({ problem: 'number that is not written as an integer at character 6' })
    expect(parseJson('{"a":1,"a":2}', 'strict')).toEqual({ problem: 'duplicate key at character 8' })
  })

  test('a key __proto__ is a key', () => {
    const read = parseJson('{"__proto__":{"admin":true},"a":1}', 'strict')
    const value = ('value' in read ? read.value : undefined) as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__', 'a'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(value.admin).toBeUndefined()
  })

  test('digits without end are refused before they cost anything', () => {
    expect(parseJson('9'.repeat(4300), 'lenient')).toHaveProperty('value')
    expect(parseJson('9'.repeat(4301), 'lenient')).toHaveProperty('problem')
  })
})

describe('properties', () => {
  test('canonical text reads back as the same value and is stable', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const text = canonicalJson(value)
        const read = parseJson(text, 'strict')
        expect(read).toEqual({ value })
        expect(canonicalJson(JSON.parse(text))).toBe(text)
      }),
    )
  })

  test('the order of keys does not matter', () => {
    fc.assert(fc.property(jsonValue, (value) => canonicalJson(reversed(value)) === canonicalJson(value)))
  })

  test('keys come in the order of their UTF-8 bytes, which is that of code points', () => {
    const keys = fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 8 })
    fc.assert(
      fc.property(keys, (names) => {
        const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        const text = canonicalJson(Object.fromEntries(names.map((name) => [name, 0])))
        expect(text).toBe(`{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`)
      }),
    )
  })

  test('checkCanonical and canonicalJson agree', () => {
    const anything = fc.object({
      withNullPrototype: false,
      values: [fc.double(), fc.string({ unit: 'binary' }), fc.integer(), fc.bigInt()],
    })
    fc.assert(
      fc.property(anything, fc.constantFrom('strict', 'lenient'), (value, profile) => {
        const problem = checkCanonical(value as JsonValue, profile)
        if (problem === undefined) expect(typeof canonicalJson(value as JsonValue, profile)).toBe('string')
        else expect(() => canonicalJson(value as JsonValue, profile)).toThrow(problem)
      }),
    )
  })

  test('integers of any size and floats survive the lenient profile', () => {
    fc.assert(
      fc.property(fc.bigInt(), (integer) => canonicalOf(`${integer}`, 'lenient') === `${integer}`),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (float) => {
        const written = canonicalOf(float.toExponential(), 'lenient') as string
        // Number.prototype.toExponential drops the sign of -0; a vector covers that one.
        expect(Number(written)).toBe(float === 0 ? 0 : float)
        expect(canonicalOf(written, 'lenient')).toBe(written)
      }),
    )
  })

  test('reads whatever JSON.parse reads, and nothing else', () => {
    const soup = fc.array(
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"', 'a', '\\', 'u0041', '1', '-', ' ', 'null', '"b":', '\\n'),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(soup, (parts) => {
        const text = parts.join('')
        let parsed: unknown
        try {
          parsed = { value: JSON.parse(text) }
        } catch {
          parsed = undefined
        }
        const read = parseJson(text, 'strict')
        if ('value' in read) expect(read).toEqual(parsed)
        else expect(parsed === undefined || /duplicate/.test(read.problem)).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })
})
