import type { ServerName } from '../matrix/identifiers.ts'
import { importVerifyKey, type VerifyKey } from '../matrix/signatures.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { createBackOff } from './back-off.ts'
import { readPublishedKeys } from './published-keys.ts'
import { findServerKey, storeServerKeys } from './store.ts'
import type { Transport } from './transport.ts'

/** The public keys of other servers, fetched from each where they are not known or have become too old. */
export interface KeyRing {
  /** The key with which a server signs requests at present. A problem is put so that it may be told to anybody. */
  requestKey(server: ServerName, keyId: string): Promise<VerifyKey | { readonly problem: string }>
}

export interface KeyRingDeps {
  readonly storage: Storage
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
}

/** Servers that are asked at once: anybody can claim to be any server, and sets a question going by it. */
const maxFetches = 128
const limits = { connect: 5000, headers: 10_000, total: 10_000, bytes: 64 * 1024 }
const minute: Milliseconds = 60_000
/** Between two questions to one server, so that made-up key ids do not become a flood of them. */
const pause = minute
const maxImported = 2000
/** Why is not said: that would tell strangers what can be reached from here. */
const unavailable = 'its keys could not be had'

export function createKeyRing({ storage, transport, clock, log }: KeyRingDeps): KeyRing {
  const liars = createBackOff(clock, minute, 60 * minute)
  const asked = createBackOff(clock, pause, pause)
  const fetches = new Map<string, Promise<string | undefined>>()
  const imported = new Map<string, VerifyKey>()

  function usable(server: ServerName, keyId: string): VerifyKey | undefined {
    const stored = findServerKey(storage.reader, server, keyId)
    if (!stored || stored.retired || stored.validUntil <= clock.now()) return undefined
    const known = imported.get(stored.publicKey)
    if (known) return known
    const key = importVerifyKey(stored.publicKey)
    if ('problem' in key) return undefined
    imported.set(key.publicKey, key)
    if (imported.size > maxImported) imported.delete(imported.keys().next().value ?? '')
    return key
  }

  /** Undefined: the keys were stored. */
  async function fetchKeys(server: ServerName): Promise<string | undefined> {
    const target = '/_matrix/key/v2/server'
    const answer = await transport.send(server, { method: 'GET', target, headers: {}, limits })
    // Those who cannot be reached the transport leaves alone.
    if ('problem' in answer) {
      log.debug({ server, problem: answer.problem }, 'a server cannot be asked for its keys')
      return unavailable
    }
    const read =
      answer.status === 200
        ? readPublishedKeys(server, answer.body.toString('utf8'), clock.now())
        : { problem: `status ${answer.status}` }
    if ('problem' in read) {
      liars.failed(server)
      log.info({ server, problem: read.problem }, 'no keys of a server')
      return unavailable
    }
    liars.succeeded(server)
    await storage.write((tx) => storeServerKeys(tx, server, read.keys, clock.now()))
    return undefined
  }

  /** One question to a server at a time, whoever waits for the answer. */
  async function fetchOnce(server: ServerName): Promise<string | undefined> {
    const running = fetches.get(server)
    if (running) return running
    if (liars.wait(server) > 0) return unavailable
    if (asked.wait(server) > 0) return 'it has no such key'
    if (fetches.size >= maxFetches) return 'too many servers are being asked for their keys'
    const fetching = fetchKeys(server).finally(() => {
      fetches.delete(server)
      asked.failed(server)
    })
    fetches.set(server, fetching)
    return fetching
  }

  return {
    async requestKey(server, keyId) {
      const key = usable(server, keyId)
      if (key) return key
      const problem = await fetchOnce(server)
      if (problem !== undefined) return { problem }
      return usable(server, keyId) ?? { problem: 'it has no such key' }
    },
  }
}
