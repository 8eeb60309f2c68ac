import { expect, it, test } from 'vitest'
import { authorizationFor, isSigned, parseAuthorization, type SignedRequest } from '../../src/federation/request-auth.ts'
import { parseJson } from '../../src/matrix/canonical-json.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonValue } from '../../src/matrix/json.ts'
import { createSigner, importVerifyKey, type VerifyKey } from '../../src/matrix/signatures.ts'

/** The key of the specification's test vectors: appendices, "Cryptographic Test Vectors". */
const seed = Buffer.from('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1', 'base64')
const domain = createSigner({ serverName: 'domain' as ServerName, keyId: 'ed25519:1', seed })
const key = importVerifyKey(domain.publicKey) as VerifyKey
const destination = 'b.test' as ServerName

/** Signed with that key by `signedjson`, the implementation in Python that comes from the authors of the protocol. */
const vectors: readonly (readonly [SignedRequest, string])[] = [
  [
    {
      method: 'GET',
      target: '/_matrix/federation/v1/query/profile?user_id=%40a%3Ab.test&field=displayname',
      destination,
      content: undefined,
    },
    'Zu3y/zRBz5MpT83LfTVtkg9ilvXZnqq9yjgJCX4OK5g9RS+4xMWEeWCWxB2BhEEE6kkTSObeicKHdEPsHm9FAg',
  ],
  [
    { method: 'PUT', target: '/_matrix/federation/v1/send/1', destination, content: { b: 2, a: 'é', f: {} } },
    '4GIKoieN4ur3OSiuyM9WqI+pi4t3B7Z9FB2JTJTcG0/0PEVN1o1vVqs1owJGFF7MydKYY0VLuVSpUgFGQXS3Dg',
  ],
]

test.each(vectors)('a request is signed as others sign it: $method', (request, signature) => {
  expect(authorizationFor(domain, request)).toBe(
    `X-Matrix origin="domain",destination="b.test",key="ed25519:1",sig="${signature}"`,
  )
})

test.each(vectors)('a signature covers all of a request: $method', (request, signature) => {
  const claimed = { origin: 'domain' as ServerName, destination, keyId: 'ed25519:1', signature }
  expect(isSigned(request, claimed, key)).toBe(true)
  const changes: Partial<SignedRequest>[] = [
    { method: 'POST' },
    { target: `${request.target}&x` },
    { destination: 'c.test' as ServerName },
    { content: request.content === undefined ? {} : undefined },
    { content: { b: 3 } },
  ]
  for (const change of changes) expect(isSigned({ ...request, ...change }, claimed, key), JSON.stringify(change)).toBe(false)
  expect(isSigned(request, { ...claimed, origin: 'other' as ServerName }, key)).toBe(false)
})

test('numbers that only old room versions know are covered as they were written', () => {
  const { value } = parseJson('{"n":1.0,"big":123456789012345678901}', 'lenient') as { value: JsonValue }
  const text = { method: 'PUT', target: '/x', destination, content: value }
  const claimed = { origin: 'domain' as ServerName, destination, keyId: 'ed25519:1', signature: '' }
  // signedjson over the same values.
  const signature = 'aUe2UT7q+Qug8FKZqpWc+Fu+45lCJrp/7zAifMJnDVauEA/Eyn6XbA8EdxyZHrW2zAQN10nwnIAPPsKRbtobAQ'
  expect(isSigned(text, { ...claimed, signature }, key)).toBe(true)
  expect(isSigned({ ...text, content: { n: 1, big: 0 } }, { ...claimed, signature }, key)).toBe(false)
})

const expected = {
  origin: 'origin.hs.example.com',
  destination: 'destination.hs.example.com',
  keyId: 'ed25519:key1',
  signature: 'ABCDEF',
}

test('the example of the specification is read', () => {
  const header =
    'X-Matrix origin="origin.hs.example.com",destination="destination.hs.example.com",key="ed25519:key1",sig="ABCDEF..."'
  expect(parseAuthorization(header)).toEqual({ ...expected, signature: 'ABCDEF...' })
})

it.each([
  ['without quotes', 'X-Matrix origin=origin.hs.example.com,destination=destination.hs.example.com,key=ed25519:key1,sig=ABCDEF'],
  [
    'in another order and case',
    'x-matrix SIG=ABCDEF,Key="ed25519:key1",DESTINATION=destination.hs.example.com,origin="origin.hs.example.com"',
  ],
  [
    'with spaces and tabs around commas',
    'X-Matrix   origin=origin.hs.example.com \t,\t destination="destination.hs.example.com" , key=ed25519:key1 ,sig=ABCDEF ',
  ],
  [
    'with backslashes',
    'X-Matrix origin="\\origin.hs.example.com",destination="destination.hs.example.com",key="ed\\25519:key1",sig="ABC\\DEF"',
  ],
  [
    'with what is not known',
    'X-Matrix origin=origin.hs.example.com,destination=destination.hs.example.com,key=ed25519:key1,sig=ABCDEF,new="a,b=\\"c"',
  ],
])('a header %s is read', (_, header) => {
  expect(parseAuthorization(header)).toEqual(expected)
})

test('servers of old do not name the destination', () => {
  expect(parseAuthorization('X-Matrix origin=a.test,key="ed25519:1",sig="x"')).toMatchObject({ destination: undefined })
})

it.each([
  ['', /kind/],
  ['Bearer abc', /kind/],
  ['X-Matrix', /kind/],
  ['X-Matrix origin=a.test', /key/],
  ['X-Matrix origin=a.test,key=ed25519:1', /sig/],
  ['X-Matrix key=ed25519:1,sig=x', /origin/],
  ['X-Matrix origin="a test",key=ed25519:1,sig=x', /origin/],
  ['X-Matrix origin=a.test,key=rsa:1,sig=x', /key/],
  ['X-Matrix origin=a.test,origin=b.test,key=ed25519:1,sig=x', /twice/],
  ['X-Matrix origin=a.test,ORIGIN=b.test,key=ed25519:1,sig=x', /twice/],
  ['X-Matrix origin=a.test;key=ed25519:1;sig=x', /list/],
  ['X-Matrix origin=a.test,key=ed25519:1,sig="x', /list/],
  ['X-Matrix origin=a.test,key=ed25519:1,sig="x"y', /list/],
  ['X-Matrix origin=a.test,key=ed25519:1,sig=x,', /list/],
  ['X-Matrix origin=a.test,key=ed25519:1,sig=a/b', /list/],
  [`X-Matrix origin=a.test,key=ed25519:1,sig=${'x'.repeat(5000)}`, /longer/],
])('the header %j is refused', (header, problem) => {
  expect(parseAuthorization(header)).toEqual({ problem: expect.stringMatching(problem) })
})
