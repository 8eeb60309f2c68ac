import { describe, expect, test } from 'vitest'
import { decodeBase64 } from '../../src/matrix/base64.ts'
import { canonicalJson } from '../../src/matrix/canonical-json.ts'
import { canonicalProfile, contentHash, eventIdOf, referenceHash, withContentHash } from '../../src/matrix/hashes.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { KeyLookup } from '../../src/matrix/receipt.ts'
import { checkReceived, requiredSigners, signaturesToCheck } from '../../src/matrix/receipt.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import type { VerifyKey } from '../../src/matrix/signatures.ts'
import { createSigner, importVerifyKey, verifySignedJson } from '../../src/matrix/signatures.ts'
import { loadVectors } from './vectors.ts'

interface Key {
  readonly seed: string
  readonly public_key: string
  readonly valid_until_ts: number
}

interface Signed {
  readonly content_hash?: string
  readonly event_id?: string
  readonly key_id: string
  readonly signature: string
}

type Case =
  | { kind: 'sign'; room_version: string; name: string; signer: string; seed?: string; event: JsonObject; expected: Signed }
  | { kind: 'sign JSON'; name: string; signer: string; value: JsonObject; expected: Signed }
  | {
      kind: 'receive'
      room_version: string
      name: string
      event: JsonObject
      expected: { verdict: 'use' | 'redact' | 'drop'; event_id?: string; event?: JsonObject }
    }

interface File {
  readonly keys: Record<string, Record<string, Key>>
  readonly cases: readonly Case[]
}

const { keys, cases } = loadVectors<File>('hashes-and-ids')
const version = (id: string) => roomVersions.get(id)!

function imported(publicKey: string): VerifyKey {
  const key = importVerifyKey(publicKey)
  if ('problem' in key) throw new Error(key.problem)
  return key
}

const ring = new Map(
  Object.entries(keys).flatMap(([server, ofServer]) =>
    Object.entries(ofServer).map(
      ([keyId, key]) => [`${server} ${keyId}`, { key: imported(key.public_key), validUntilTs: key.valid_until_ts }] as const,
    ),
  ),
)
const lookup: KeyLookup = (server, keyId) => ring.get(`${server} ${keyId}`)

function signerOf(server: string, keyId: string, ownSeed?: string) {
  const seed = decodeBase64(ownSeed ?? keys[server]![keyId]!.seed)!
  return createSigner({ serverName: server as ServerName, keyId, seed })
}

function signatureOf(signed: JsonObject, server: string, keyId: string): string {
  return (signed.signatures as Record<string, Record<string, string>>)[server]![keyId]!
}

describe('published keys', () => {
  for (const [server, ofServer] of Object.entries(keys)) {
    for (const [keyId, key] of Object.entries(ofServer)) {
      test(`${server} ${keyId}`, () => expect(signerOf(server, keyId).publicKey).toBe(key.public_key))
    }
  }
})

describe('vectors: sign', () => {
  for (const vector of cases.filter((one) => one.kind === 'sign')) {
    test(`room version ${vector.room_version}: ${vector.name}`, () => {
      const rules = version(vector.room_version)
      const { content_hash, event_id, key_id, signature } = vector.expected
      expect(contentHash(vector.event, canonicalProfile(rules))).toBe(content_hash)
      const hashed = withContentHash(vector.event, canonicalProfile(rules))
      expect(hashed.hashes).toEqual({ sha256: content_hash })
      if (event_id !== undefined) expect(eventIdOf(hashed, rules)).toBe(event_id)
      const signed = signerOf(vector.signer, key_id, vector.seed).signEvent(hashed, rules)
      expect(signatureOf(signed, vector.signer, key_id)).toBe(signature)
      expect(eventIdOf(signed, rules)).toBe(eventIdOf(hashed, rules))
    })
  }
})

describe('vectors: sign JSON', () => {
  for (const vector of cases.filter((one) => one.kind === 'sign JSON')) {
    test(vector.name, () => {
      const signer = signerOf(vector.signer, vector.expected.key_id)
      const signed = signer.signJson(vector.value)
      expect(signatureOf(signed, vector.signer, vector.expected.key_id)).toBe(vector.expected.signature)
      expect(verifySignedJson(signed, vector.expected.signature, imported(signer.publicKey))).toBe(true)
      expect(verifySignedJson({ ...signed, more: 1 }, vector.expected.signature, imported(signer.publicKey))).toBe(false)
    })
  }
})

describe('vectors: receive', () => {
  for (const vector of cases.filter((one) => one.kind === 'receive')) {
    test(`room version ${vector.room_version}: ${vector.name}`, () => {
      const rules = version(vector.room_version)
      const { verdict, event_id, event } = vector.expected
      const receipt = checkReceived(vector.event, rules, lookup)
      expect(receipt.verdict).toBe(verdict)
      if (event_id !== undefined) expect(eventIdOf(vector.event, rules)).toBe(event_id)
      if (receipt.verdict === 'redact') expect(canonicalJson(receipt.event)).toBe(canonicalJson(event!))
    })
  }
})

test('reference hashes stand in standard base64 beside the ids of room versions 1 and 2', () => {
  const create = cases.find((one) => one.kind === 'sign' && one.room_version === '1' && one.name === 'create')
  const join = cases.find((one) => one.kind === 'sign' && one.room_version === '1' && one.name === 'join of the creator')
  if (create?.kind !== 'sign' || join?.kind !== 'sign') throw new Error('vectors missing')
  const hash = referenceHash(withContentHash(create.event), version('1'))
  expect(join.event.prev_events).toEqual([[create.event.event_id, { sha256: hash }]])
})

describe('server-server API, "Validating hashes and signatures on received events"', () => {
  const member = (content: JsonObject): JsonObject => ({
    type: 'm.room.member',
    sender: '@a:a.test',
    event_id: '$x:b.test',
    content,
  })

  const invite = { membership: 'invite', third_party_invite: { signed: {} } }
  const join = { membership: 'join', join_authorised_via_users_server: '@c:c.test' }
  const signers: readonly [string, string, JsonObject, readonly string[]][] = [
    ['the sender', '3', member({ membership: 'leave' }), ['a.test']],
    ['the event id besides, up to 2', '2', member({ membership: 'leave' }), ['a.test', 'b.test']],
    ['not the sender of a third-party invite', '10', member(invite), []],
    ['but of other events that look like one', '10', { ...member(invite), type: 'm.room.message' }, ['a.test']],
    ['not yet the authorising user before restricted joins', '7', member(join), ['a.test']],
    ['the authorising user from version 8', '8', member(join), ['a.test', 'c.test']],
    ['the authorising user of a join only', '12', member({ ...join, membership: 'leave' }), ['a.test']],
  ]
  for (const [title, id, raw, servers] of signers) {
    test(`who signs: ${title}`, () => expect(requiredSigners(raw, version(id))).toEqual(servers))
  }

  test('keys to fetch: of the servers that must sign, ed25519 only', () => {
    const ofSender = { 'rsa:1': 'x', 'ed25519:1': 'x', 'ed25519:2': 5, 'ed25519:3': 'y' }
    const raw = { ...member({ membership: 'leave' }), signatures: { 'a.test': ofSender, 'z.test': { 'ed25519:z': 'x' } } }
    expect(signaturesToCheck(raw, version('12'))).toEqual([{ server: 'a.test', keyIds: ['ed25519:1', 'ed25519:3'] }])
  })

  test('wrong signatures: unknown keys do not count, known ones only so often', () => {
    const server = 'a.test' as ServerName
    const signer = createSigner({ serverName: server, keyId: 'ed25519:right', seed: new Uint8Array(32).fill(1) })
    const raw = withContentHash({ ...member({ membership: 'leave' }), origin_server_ts: 1 })
    const right = signatureOf(signer.signEvent(raw, version('12')), server, 'ed25519:right')
    const wrong = 'A'.repeat(86)
    const key = imported(signer.publicKey)
    const verdict = (before: number, known: boolean) => {
      const bogus = Object.fromEntries(Array.from({ length: before }, (_, i) => [`ed25519:k${i}`, wrong]))
      const event = { ...raw, signatures: { [server]: { ...bogus, 'ed25519:right': right } } }
      const find: KeyLookup = (_server, keyId) => (known || keyId === 'ed25519:right' ? { key, validUntilTs: 2 } : undefined)
      return checkReceived(event, version('12'), find).verdict
    }
    expect(verdict(500, false)).toBe('use')
    expect(verdict(7, true)).toBe('use')
    expect(verdict(8, true)).toBe('drop')
  })
})
