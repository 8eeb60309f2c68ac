import { createHash } from 'node:crypto'
import * as ed25519 from '@noble/ed25519'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from '../../src/matrix/base64.ts'
import { CanonicalJsonError, canonicalJson } from '../../src/matrix/canonical-json.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createSigner, importVerifyKey, verifySignedJson, verifyText } from '../../src/matrix/signatures.ts'
import { jsonObject } from './json-arbitrary.ts'

ed25519.hashes.sha512 = (message) => createHash('sha512').update(message).digest()
const serverName = 'domain' as ServerName
const appendixSeed = decodeBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1')!
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })

function verifyKey(publicKey: string) {
  const key = importVerifyKey(publicKey)
  if ('problem' in key) throw new Error(key.problem)
  return key
}

describe('appendices, "Cryptographic Test Vectors", JSON signing', () => {
  const signer = createSigner({ serverName, keyId: 'ed25519:1', seed: appendixSeed })
  const examples: readonly [JsonObject, string][] = [
    [{}, 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ'],
    [{ one: 1, two: 'Two' }, 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw'],
  ]
  for (const [value, signature] of examples) {
    test(JSON.stringify(value), () => {
      expect(signer.signJson(value)).toEqual({ ...value, signatures: { domain: { 'ed25519:1': signature } } })
    })
  }
})

describe('signing', () => {
  const signer = createSigner({ serverName, keyId: 'ed25519:a_1', seed: appendixSeed })

  test('other signatures and unsigned stay, and are not covered', () => {
    const before = { a: 1, unsigned: { age: 1 }, signatures: { other: { 'ed25519:x': 'y' }, domain: { 'ed25519:old': 'z' } } }
    const signed = signer.signJson(before)
    const signature = (signer.signJson({ a: 1 }).signatures as Record<string, Record<string, string>>).domain!['ed25519:a_1']!
    expect(signed).toEqual({
      a: 1,
      unsigned: { age: 1 },
      signatures: { other: { 'ed25519:x': 'y' }, domain: { 'ed25519:old': 'z', 'ed25519:a_1': signature } },
    })
  })

  test('agrees with an independent implementation', () => {
    fc.assert(
      fc.property(seeds, jsonObject, (seed, value) => {
        const own = createSigner({ serverName, keyId: 'ed25519:1', seed })
        const bare = { ...value, signatures: undefined, unsigned: undefined }
        const signed = own.signJson(bare)
        const signature = (signed.signatures as Record<string, Record<string, string>>).domain!['ed25519:1']!
        const message = new TextEncoder().encode(canonicalJson(bare))
        expect(encodeBase64(ed25519.sign(message, Uint8Array.from(seed)))).toBe(signature)
        expect(verifySignedJson(signed, signature, verifyKey(own.publicKey))).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test('what was changed on the way does not verify', () => {
    const key = verifyKey(signer.publicKey)
    fc.assert(
      fc.property(fc.nat(63), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const signed = signer.signJson({ a: 1 })
        const bytes = Uint8Array.from(
          decodeBase64((signed.signatures as Record<string, Record<string, string>>).domain!['ed25519:a_1']!)!,
        )
        bytes[at] = bytes[at]! ^ mask
        return !verifySignedJson(signed, encodeBase64(bytes), key)
      }),
    )
  })

  test('a value without canonical form: signing says so, verifying says no', () => {
    expect(() => signer.signJson({ a: 1.5 })).toThrow(CanonicalJsonError)
    expect(verifySignedJson({ a: 1.5 }, 'A'.repeat(86), verifyKey(signer.publicKey))).toBe(false)
  })

  test('seeds and key ids are checked', () => {
    expect(() => createSigner({ serverName, keyId: 'ed25519:1', seed: new Uint8Array(31) })).toThrow('32 bytes')
    expect(() => createSigner({ serverName, keyId: 'ed25519:a b', seed: appendixSeed })).toThrow('key id')
  })

  test('the private key is not given out', () => {
    expect(JSON.stringify(signer)).not.toContain(encodeBase64(appendixSeed).slice(0, 20))
    expect(Object.keys(signer).sort()).toEqual(['keyId', 'publicKey', 'serverName', 'signEvent', 'signJson'])
  })
})

describe('vetting of keys', () => {
  const smallOrder = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ]
  for (const hex of smallOrder) {
    test(`small order ${hex.slice(0, 8)}`, () => {
      expect(importVerifyKey(encodeBase64(Buffer.from(hex, 'hex')))).toEqual({ problem: 'a key of small order' })
    })
  }

  const notCanonical = [
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // y = p, another 0
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // y = p + 1, another 1
    '0100000000000000000000000000000000000000000000000000000000000080', // x = 0 with a sign
    '0200000000000000000000000000000000000000000000000000000000000000', // on no curve
  ]
  for (const hex of notCanonical) {
    test(`no point, or not canonical: ${hex.slice(0, 4)}…${hex.slice(-2)}`, () => {
      expect(importVerifyKey(encodeBase64(Buffer.from(hex, 'hex')))).toEqual({
        problem: 'not the canonical encoding of a point of ed25519',
      })
    })
  }

  test('CVE-2026-24044: a key that everybody has', () => {
    expect(importVerifyKey('l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og')).toHaveProperty(
      'problem',
      expect.stringContaining('CVE-2026-24044'),
    )
    expect(importVerifyKey('l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og=')).toHaveProperty(
      'problem',
      expect.stringContaining('CVE-2026-24044'),
    )
  })

  for (const text of ['', 'AAAA', '%'.repeat(43), 'A'.repeat(44)]) {
    test(`not 32 bytes: ${JSON.stringify(text)}`, () => {
      expect(importVerifyKey(text)).toHaveProperty('problem', expect.stringContaining('32 bytes'))
    })
  }

  test('keys of random seeds pass', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const publicKey = encodeBase64(ed25519.getPublicKey(Uint8Array.from(seed)))
        expect(importVerifyKey(publicKey)).toHaveProperty('publicKey', publicKey)
        expect(importVerifyKey(`${publicKey}=`)).toHaveProperty('publicKey', publicKey)
      }),
      { numRuns: 30 },
    )
  })

  test('the scalar of a signature must be reduced', () => {
    const signer = createSigner({ serverName, keyId: 'ed25519:1', seed: appendixSeed })
    const text = canonicalJson({})
    const signature = Uint8Array.from(ed25519.sign(new TextEncoder().encode(text), Uint8Array.from(appendixSeed)))
    expect(verifyText(text, encodeBase64(signature), verifyKey(signer.publicKey))).toBe(true)
    const { n } = ed25519.Point.CURVE()
    let scalar = n + BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`)
    for (let i = 32; i < 64; i++, scalar >>= 8n) signature[i] = Number(scalar & 255n)
    expect(verifyText(text, encodeBase64(signature), verifyKey(signer.publicKey))).toBe(false)
  })
})

// Verifiers disagree about such signatures; libsodium, which most servers use, refuses them.
test('a signature whose R is of small order does not count, though its equation holds', () => {
  const key = verifyKey(createSigner({ serverName, keyId: 'ed25519:1', seed: appendixSeed }).publicKey)
  const text = canonicalJson({})
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(Uint8Array.from(appendixSeed))
  const { n } = ed25519.Point.CURVE()
  const identity = ed25519.Point.ZERO.toBytes()
  const digest = createHash('sha512').update(identity).update(pointBytes).update(text).digest().reverse()
  const s = (BigInt(`0x${digest.toString('hex')}`) * scalar) % n
  const signature = Buffer.concat([identity, Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()])
  expect(ed25519.verify(signature, Buffer.from(text), pointBytes)).toBe(true)
  expect(verifyText(text, encodeBase64(signature), key)).toBe(false)
})

describe('base64', () => {
  const examples: readonly [string, string][] = [
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ]
  for (const [text, encoded] of examples) {
    test(`appendices: ${JSON.stringify(text)}`, () => {
      expect(encodeBase64(Buffer.from(text))).toBe(encoded)
      expect(Buffer.from(decodeBase64(encoded)!).toString()).toBe(text)
    })
  }

  test('padding is accepted where it is right', () => {
    expect(decodeBase64('Zg==')).toEqual(Buffer.from('f'))
    for (const bad of ['Zg=', 'Zg===', 'Zm9v=', 'Z', 'Z===', '====', 'Zg==Zg', 'Zm9v\n', 'Zm 9v', 'Zm9%', '-_-_']) {
      expect(decodeBase64(bad), bad).toBeUndefined()
    }
  })

  test('there and back, in both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(Uint8Array.from(decodeBase64(encodeBase64(bytes))!)).toEqual(bytes)
        expect(Uint8Array.from(decodeBase64Url(encodeBase64Url(bytes))!)).toEqual(bytes)
      }),
    )
    expect(decodeBase64Url('+/+/')).toBeUndefined()
  })
})
