import type { ServerName } from '../matrix/identifiers.ts'
import type { KeyLookup } from '../matrix/receipt.ts'
import { importVerifyKey, type VerifyKey } from '../matrix/signatures.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { createEventKeys, type WantedKeys } from './event-keys.ts'
import type { KeyFetches } from './key-fetches.ts'
import { createNotaries } from './notaries.ts'
import type { OwnKeys } from './own-keys.ts'
import { findServerKey } from './store.ts'
import type { Transport } from './transport.ts'

/** The public keys of other servers, fetched from each where they are not known or have become too old. */
export interface KeyRing {
  /** The key with which a server signs requests at present. A problem is put so that it may be told to anybody. */
  requestKey(server: ServerName, keyId: string): Promise<VerifyKey | { readonly problem: string }>
  /**
   * The keys with which servers signed events, also long ago: all that `wanted` names and can be had. What is known is not fetched;
   * what is missing is asked of its server, then of the trusted notaries, then of `notaries`: servers that are believed within the
   * answer to this call only, and only about servers that have never been heard. See docs/federation.md.
   */
  eventKeys(wanted: readonly WantedKeys[], notaries?: readonly ServerName[]): Promise<KeyLookup>
}

export interface KeyRingDeps {
  readonly storage: Storage
  readonly transport: Transport
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  readonly own: OwnKeys
  readonly fetches: KeyFetches
  /** What they say about other servers' keys is believed. */
  readonly trustedNotaries: readonly ServerName[]
}

const maxImported = 2000

export function createKeyRing(deps: KeyRingDeps): KeyRing {
  const { storage, clock, fetches } = deps
  const imported = new Map<string, VerifyKey>()

  /** Vets a key once. */
  function importKey(publicKey: string): VerifyKey | undefined {
    const known = imported.get(publicKey)
    if (known) return known
    const key = importVerifyKey(publicKey)
    if ('problem' in key) return undefined
    imported.set(key.publicKey, key)
    if (imported.size > maxImported) imported.delete(imported.keys().next().value ?? '')
    return key
  }

  function usable(server: ServerName, keyId: string): VerifyKey | undefined {
    const stored = findServerKey(storage.reader, server, keyId)
    if (!stored || stored.retired || stored.validUntil <= clock.now()) return undefined
    return importKey(stored.publicKey)
  }

  async function requestKey(server: ServerName, keyId: string): Promise<VerifyKey | { readonly problem: string }> {
    const key = usable(server, keyId)
    if (key) return key
    const problem = await fetches.ask(server)
    if (problem !== undefined) return { problem }
    return usable(server, keyId) ?? { problem: 'it has no such key' }
  }

  const notaries = createNotaries({ ...deps, currentKey: requestKey })
  return { requestKey, eventKeys: createEventKeys({ ...deps, notaries, importKey }) }
}
