import Type from 'typebox'
import { anyObject, mapOf } from '../http/schemas.ts'
import { checkBody } from '../http/validation.ts'
import { parseJson } from '../matrix/canonical-json.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import { type VerifyKey, verifySignedJson } from '../matrix/signatures.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { type PublishedKeys, readPublishedKeys } from './published-keys.ts'
import type { Transport } from './transport.ts'

/** Keys that are asked for at a notary. */
export interface MissingKeys {
  readonly keyIds: ReadonlySet<string>
  /** The keys should have been valid then; milliseconds. */
  readonly validAt: Milliseconds
}

/** Asks other servers about the keys of third ones. */
export interface Notaries {
  /** What the notary says, by server; also what it said within the last minutes. Servers of which it said nothing are absent. */
  ask(
    notary: ServerName,
    missing: ReadonlyMap<ServerName, MissingKeys>,
  ): Promise<ReadonlyMap<ServerName, readonly PublishedKeys[]>>
}

export interface NotariesDeps {
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
  /** The key with which a server signs at present. */
  readonly currentKey: (server: ServerName, keyId: string) => Promise<VerifyKey | { readonly problem: string }>
}

const answerSchema = Type.Object({ server_keys: Type.Array(anyObject, { maxItems: 1000 }) })
const signaturesSchema = Type.Object({ server_name: Type.String(), signatures: mapOf(mapOf(Type.String())) })

/** Servers in one question; a notary may have to ask each of them first. */
const maxServers = 50
const maxKeyIds = 16
/** Of the notary that are tried on one answer. */
const maxSignatures = 4
/** Different answers of one server: a notary may keep an old one for each old key. */
const maxAnswers = 16
const limits = { connect: 5000, headers: 15_000, total: 20_000, bytes: 1024 * 1024 }
/** A notary is not asked again about a server for so long. */
const pause: Milliseconds = 10 * 60_000
const maxRemembered = 2000

export function createNotaries({ transport, clock, log, currentKey }: NotariesDeps): Notaries {
  const remembered = new Map<string, { readonly until: Milliseconds; readonly answers: readonly PublishedKeys[] }>()

  function remember(notary: ServerName, server: ServerName, answers: readonly PublishedKeys[]): void {
    const key = `${notary} ${server}`
    remembered.delete(key)
    remembered.set(key, { until: clock.now() + pause, answers })
    if (remembered.size > maxRemembered) remembered.delete(remembered.keys().next().value ?? '')
  }

  async function question(
    notary: ServerName,
    part: readonly (readonly [ServerName, MissingKeys])[],
  ): Promise<ReadonlyMap<ServerName, readonly PublishedKeys[]>> {
    const answer = await transport.send(notary, {
      method: 'POST',
      target: '/_matrix/key/v2/query',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ server_keys: Object.fromEntries(part.map(([server, missing]) => [server, criteria(missing)])) }),
      limits,
    })
    if ('problem' in answer) {
      log.debug({ notary, problem: answer.problem }, 'a notary cannot be asked')
      return new Map()
    }
    const read = answer.status === 200 ? readAnswer(answer.body) : { problem: `status ${answer.status}` }
    if ('problem' in read) {
      log.info({ notary, problem: read.problem }, 'no answer of a notary')
      return new Map()
    }
    const found = new Map<ServerName, PublishedKeys[]>(part.map(([server]) => [server, []]))
    for (const item of read.items) {
      const server = item.server_name as ServerName
      const answers = found.get(server)
      if (!answers || answers.length >= maxAnswers) continue
      const keys = (await isSignedBy(notary, item)) ? readPublishedKeys(server, item, clock.now(), 'past') : unsigned
      if ('problem' in keys) log.info({ notary, server, problem: keys.problem }, 'a notary tells what cannot be believed')
      else answers.push(keys)
    }
    return found
  }

  async function isSignedBy(notary: ServerName, item: JsonObject): Promise<boolean> {
    if (checkBody(signaturesSchema, item)) return false
    const signatures = (item.signatures as Readonly<Record<string, Readonly<Record<string, string>>>>)[notary] ?? {}
    for (const [keyId, signature] of Object.entries(signatures).slice(0, maxSignatures)) {
      const key = await currentKey(notary, keyId)
      if (!('problem' in key) && verifySignedJson(item, signature, key)) return true
    }
    return false
  }

  return {
    async ask(notary, missing) {
      const said = new Map<ServerName, readonly PublishedKeys[]>()
      const open: (readonly [ServerName, MissingKeys])[] = []
      for (const entry of missing) {
        const before = remembered.get(`${notary} ${entry[0]}`)
        if (before && before.until > clock.now()) said.set(entry[0], before.answers)
        else open.push(entry)
      }
      for (let at = 0; at < open.length; at += maxServers) {
        const part = open.slice(at, at + maxServers)
        const found = await question(notary, part)
        // It does not answer at all.
        if (found.size === 0) break
        for (const [server] of part) {
          const answers = found.get(server) ?? []
          remember(notary, server, answers)
          if (answers.length > 0) said.set(server, answers)
        }
      }
      return said
    },
  }
}

const unsigned = { problem: 'signatures: the notary did not sign' }

function criteria({ keyIds, validAt }: MissingKeys): JsonObject {
  return Object.fromEntries([...keyIds].slice(0, maxKeyIds).map((keyId) => [keyId, { minimum_valid_until_ts: validAt }]))
}

function readAnswer(body: Buffer): { readonly items: readonly JsonObject[] } | { readonly problem: string } {
  const read = parseJson(body.toString('utf8'), 'strict')
  if ('problem' in read) return read
  const wrong = checkBody(answerSchema, read.value)
  if (wrong) return { problem: wrong.message }
  return { items: (read.value as unknown as { server_keys: readonly JsonObject[] }).server_keys }
}
