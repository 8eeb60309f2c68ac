import type { Session } from '../http/endpoint.ts'
import { type MatrixError, unknownToken } from '../http/errors.ts'
import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { setLastSeen } from './store.ts'
import { confirmTokenPair, findAccessToken, type TokenPair, tokenHash } from './token-pairs.ts'

export interface Authenticator {
  /** Who shows `token`; on the path of every request. `address`: where the request came from. */
  authenticate(token: string, address?: string): { readonly session: Session } | { readonly error: MatrixError }
  /** Call within the write that ends access tokens: their sessions end when it is on disk. */
  forget(tx: Writer, accessHashes: readonly string[]): void
  /** Writes down who was seen last. */
  close(): Promise<void>
}

export interface AuthenticatorDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
}

interface Known {
  readonly session: Session
  readonly expiresAt: Milliseconds
  /** Not used before: the refresh token it came from is still alive. */
  unconfirmed: TokenPair | undefined
  /** When the device was last noted as seen. */
  noted: Milliseconds
}

interface Sighting {
  readonly userId: string
  readonly deviceId: string
  at: Milliseconds
  address: string
}

const maxKnown = 10_000
/** A device's "last seen" is this much behind at most, and written no more often. */
const seenEvery: Milliseconds = 3 * 60_000

export function createAuthenticator({ storage, clock, timers, log }: AuthenticatorDeps): Authenticator {
  const known = new Map<string, Known>()
  const sightings = new Map<string, Sighting>()
  let cancelFlush: (() => void) | undefined

  function lookUp(accessHash: string): Known | undefined {
    const row = findAccessToken(storage.reader, accessHash)
    if (!row) return undefined
    const { userId, deviceId, id, expiresAt, replaces } = row
    const entry: Known = {
      session: { userId, deviceId, tokenId: id, admin: row.admin === 1 },
      expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
      unconfirmed: replaces === null ? undefined : row,
      noted: Number.NEGATIVE_INFINITY,
    }
    known.set(accessHash, entry)
    if (known.size > maxKnown)
      for (const oldest of known.keys()) {
        known.delete(oldest)
        break
      }
    return entry
  }

  function forget(tx: Writer, accessHashes: readonly string[]): void {
    tx.whenVisible(() => {
      for (const hash of accessHashes) known.delete(hash)
    })
  }

  /** The write begins at once, so a refresh that comes after this request finds its token used up. */
  function confirm(entry: Known, pair: TokenPair): void {
    entry.unconfirmed = undefined
    storage
      .write((tx) => forget(tx, confirmTokenPair(tx, pair)))
      .catch((error) => {
        entry.unconfirmed = pair
        log.warn({ err: error, tokenId: pair.id }, 'a used refresh token could not be ended')
      })
  }

  function note(entry: Known, now: Milliseconds, address: string): void {
    entry.noted = now
    const { userId, deviceId } = entry.session
    sightings.set(`${userId} ${deviceId}`, { userId, deviceId, at: now, address })
    cancelFlush ??= timers.after(seenEvery, () => void flush())
  }

  async function flush(): Promise<void> {
    cancelFlush?.()
    cancelFlush = undefined
    if (sightings.size === 0) return
    const seen = [...sightings.values()]
    sightings.clear()
    try {
      await storage.write((tx) => {
        for (const { userId, deviceId, at, address } of seen) setLastSeen(tx, userId, deviceId, at, address)
      })
    } catch (error) {
      log.warn({ err: error, devices: seen.length }, 'last seen times could not be stored')
    }
  }

  return {
    authenticate(token, address = '') {
      const accessHash = tokenHash(token)
      const entry = known.get(accessHash) ?? lookUp(accessHash)
      if (!entry) return { error: unknownToken(false) }
      const now = clock.now()
      if (now >= entry.expiresAt) return { error: unknownToken(true) }
      if (entry.unconfirmed) confirm(entry, entry.unconfirmed)
      if (now - entry.noted >= seenEvery || now < entry.noted) note(entry, now, address)
      return { session: entry.session }
    },
    forget,
    close: flush,
  }
}
