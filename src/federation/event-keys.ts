import type { ServerName } from '../matrix/identifiers.ts'
import type { KeyLookup, KnownKey } from '../matrix/receipt.ts'
import type { VerifyKey } from '../matrix/signatures.ts'
import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Storage } from '../storage/storage.ts'
import type { KeyFetches } from './key-fetches.ts'
import type { MissingKeys, Notaries } from './notaries.ts'
import type { OwnKeys } from './own-keys.ts'
import { maxValidity, type PublishedKeys } from './published-keys.ts'
import { findServerKey, isServerKnown, storeHeardKeys } from './store.ts'

/** A signature that an event needs: any of these keys of this server will do. */
export interface WantedKeys {
  readonly server: ServerName
  readonly keyIds: readonly string[]
  /** When the event says that it was made, where the room version asks that the key was valid then. */
  readonly validAt?: Milliseconds | undefined
}

export interface EventKeysDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly own: OwnKeys
  readonly trustedNotaries: readonly ServerName[]
  readonly fetches: KeyFetches
  readonly notaries: Notaries
  readonly importKey: (publicKey: string) => VerifyKey | undefined
}

/** How long servers, and then notaries, are waited for; what comes later is stored all the same. */
const patience: Milliseconds = 12_000
const maxNotaries = 3

/** The keys of one call, by server and key id. */
type Found = Map<ServerName, Map<string, KnownKey>>

/** See `KeyRing.eventKeys`. */
export function createEventKeys(deps: EventKeysDeps) {
  const { storage, clock, own, trustedNotaries, fetches } = deps

  function stored(server: ServerName, keyId: string): { readonly key: KnownKey; readonly retired: boolean } | undefined {
    const row = findServerKey(storage.reader, server, keyId)
    const key = row && deps.importKey(row.publicKey)
    return key && { key: { key, validUntilTs: row.validUntil }, retired: row.retired }
  }

  /** Puts into `found` what is stored, and answers what is to be asked for. */
  function takeStored(wanted: readonly WantedKeys[], found: Found): Map<ServerName, MissingKeys> {
    const missing = new Map<ServerName, { keyIds: Set<string>; validAt: Milliseconds }>()
    for (const { server, keyIds, validAt = 0 } of wanted) {
      let enough = false
      for (const keyId of keyIds) {
        const known = stored(server, keyId)
        if (!known) continue
        put(found, server, keyId, known.key)
        // A retired key serves for its time, and asking again would not change that.
        enough ||= known.retired || known.key.validUntilTs >= validAt
      }
      if (enough || keyIds.length === 0) continue
      const entry = missing.get(server) ?? { keyIds: new Set(), validAt: 0 }
      for (const keyId of keyIds) entry.keyIds.add(keyId)
      entry.validAt = Math.max(entry.validAt, validAt)
      missing.set(server, entry)
    }
    return missing
  }

  async function askThemselves(servers: Iterable<ServerName>): Promise<void> {
    let waiting = true
    await withPatience(Promise.all([...servers].map((server) => fetches.askInTurn(server, () => waiting))))
    waiting = false
  }

  async function askTrusted(missing: ReadonlyMap<ServerName, MissingKeys>): Promise<void> {
    const asking = trustedNotaries.map(async (notary) => {
      const said = await deps.notaries.ask(notary, missing)
      await storage.write((tx) => {
        for (const [server, answers] of said) for (const keys of answers) storeHeardKeys(tx, server, keys, clock.now())
      })
    })
    await withPatience(Promise.all(asking))
  }

  /** Hearsay: it goes into this answer and nowhere else. */
  async function askOthers(
    others: readonly ServerName[],
    missing: ReadonlyMap<ServerName, MissingKeys>,
    found: Found,
  ): Promise<void> {
    const said = others.map((notary) => deps.notaries.ask(notary, missing))
    const heard: ReadonlyMap<ServerName, readonly PublishedKeys[]>[] = []
    await withPatience(Promise.all(said.map(async (one, index) => (heard[index] = await one))))
    // Those named first are believed first.
    for (const answers of heard) if (answers) takeHeard(answers, missing, found)
  }

  function takeHeard(
    heard: ReadonlyMap<ServerName, readonly PublishedKeys[]>,
    missing: ReadonlyMap<ServerName, MissingKeys>,
    found: Found,
  ): void {
    for (const [server, answers] of heard) {
      const newestFirst = answers.toSorted((one, other) => other.validUntilTs - one.validUntilTs)
      for (const { keyId, publicKey, validUntil } of newestFirst.flatMap(({ keys }) => keys)) {
        const key = missing.get(server)?.keyIds.has(keyId) && !found.get(server)?.has(keyId) && deps.importKey(publicKey)
        if (key) put(found, server, keyId, { key, validUntilTs: validUntil })
      }
    }
  }

  async function withPatience(work: Promise<unknown>): Promise<void> {
    let stop: (() => void) | undefined
    const enough = new Promise<void>((resolve) => {
      stop = deps.timers.after(patience, resolve)
    })
    try {
      await Promise.race([work, enough])
    } finally {
      stop?.()
    }
  }

  return async (all: readonly WantedKeys[], notaries: readonly ServerName[] = []): Promise<KeyLookup> => {
    // Beyond the longest validity no answer is believed, and it must not stand in for what is signed with the same key.
    const latest = clock.now() + maxValidity
    const wanted = distinct(all.filter(({ server, validAt = 0 }) => server !== own.serverName && validAt <= latest))
    const found: Found = new Map()
    let missing = takeStored(wanted, found)
    if (missing.size > 0) {
      await askThemselves(missing.keys())
      missing = takeStored(wanted, found)
      if (missing.size > 0 && trustedNotaries.length > 0) {
        await askTrusted(missing)
        missing = takeStored(wanted, found)
      }
      // Who has ever answered, now or before, speaks for itself.
      const unheard = new Map([...missing].filter(([server]) => !isServerKnown(storage.reader, server)))
      const others = notaries.filter((notary) => notary !== own.serverName && !trustedNotaries.includes(notary))
      if (unheard.size > 0 && others.length > 0) await askOthers(others.slice(0, maxNotaries), unheard, found)
    }
    return (server, keyId) => (server === own.serverName ? own.find(keyId) : found.get(server)?.get(keyId))
  }
}

function put(found: Found, server: ServerName, keyId: string, key: KnownKey): void {
  const keys = found.get(server) ?? new Map<string, KnownKey>()
  keys.set(keyId, key)
  found.set(server, keys)
}

/** Ten thousand events are signed with some hundred keys: each of them once, for the latest of its events. */
function distinct(wanted: readonly WantedKeys[]): readonly WantedKeys[] {
  const latest = new Map<string, WantedKeys>()
  for (const one of wanted) {
    const id = `${one.server} ${one.keyIds.join(' ')}`
    const before = latest.get(id)
    if (!before || (one.validAt ?? 0) > (before.validAt ?? 0)) latest.set(id, one)
  }
  return [...latest.values()]
}
