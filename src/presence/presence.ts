import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Position, Reader, WakeKey } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { idleAfter, nextChange, type Person, type PresenceState, stateOf } from './state.ts'

export interface PresenceView {
  readonly presence: PresenceState
  /** Undefined: never seen since the start. */
  readonly lastActiveAgo: Milliseconds | undefined
  readonly statusMessage: string | undefined
}

/** What another server says of one of its users. */
export interface HeardPresence {
  readonly state: PresenceState
  readonly lastActiveAgo: Milliseconds
  readonly statusMessage: string | undefined
}

/** Who is there. In memory only: nothing is written for presence, and after a restart everybody begins offline. */
export interface Presence {
  /** A client asks for news and may wait for `timeout`: the user is connected meanwhile. `wanted` is its `set_presence`. */
  syncing(userId: string, deviceId: string, wanted: PresenceState, timeout: Milliseconds): void
  /** The user did something, such as sending a message. */
  active(userId: string): void
  /** Resolves when others can see it. */
  set(userId: string, deviceId: string, wanted: PresenceState, statusMessage: string | undefined): Promise<void>
  /** Another server told of its user. */
  heard(userId: string, presence: HeardPresence): void
  view(userId: string): PresenceView
  /** Those whose presence changed after `from`, each once. */
  changedSince(from: Position): readonly string[]
  /** Those who are not offline. */
  present(): Iterable<string>
  isPresent(userId: string): boolean
  /** Lets go of the timers. */
  close(): void
}

interface Known extends Person {
  /** As last published. */
  state: PresenceState
  position: Position
  timer: { readonly at: Milliseconds; cancel(): void } | undefined
}

export interface PresenceDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  /** Whom to wake for a user's presence. */
  audienceOf(reader: Reader, userId: string): Iterable<WakeKey>
  /** Hears of those whose presence changed, when others can see it. */
  told?(userIds: readonly string[]): void
}

/** A client that comes back within this time after its answer never went. */
const grace: Milliseconds = 30_000
/** Changes are told together, at most so often, so that a hundred clients that start at once do not wake each other ten thousand times. */
const publishEvery: Milliseconds = 1000
/** People remembered; those who are offline longest are forgotten first. */
const maxPeople = 20_000
const maxConnections = 50
/** What another server said of a user is believed for so long; servers repeat it for those who stay online. */
const heardLasts: Milliseconds = 30 * 60_000

export function createPresence({ storage, clock, timers, log, audienceOf, told }: PresenceDeps): Presence {
  const people = new Map<string, Known>()
  const unpublished = new Set<string>()
  // Every publication in the order of positions; entries that a newer one of the same user replaces are dropped now and then.
  let published: { readonly position: Position; readonly userId: string }[] = []
  let publishAt: Milliseconds = 0
  let cancelPublish: (() => void) | undefined

  const failed = (error: unknown) => log.warn({ err: error }, 'presence could not be told')

  function personOf(userId: string): Known {
    let known = people.get(userId)
    if (!known) {
      known = {
        connections: new Map(),
        statusMessage: undefined,
        lastActive: 0,
        heard: undefined,
        state: 'offline',
        position: 0,
        timer: undefined,
      }
      people.set(userId, known)
      if (people.size > maxPeople) forgetOne()
    }
    return known
  }

  function forgetOne(): void {
    for (const [userId, { state, connections }] of people) {
      if (state !== 'offline' || connections.size > 0) continue
      people.delete(userId)
      return
    }
  }

  function connect(known: Known, deviceId: string, wanted: PresenceState, until: Milliseconds): void {
    known.connections.delete(deviceId)
    known.connections.set(deviceId, { wanted, until })
    const oldest = known.connections.size > maxConnections ? known.connections.keys().next().value : undefined
    if (oldest !== undefined) known.connections.delete(oldest)
  }

  /** After anything that may have changed a user's state. `told`: it is news even if the state is the same. */
  function settle(userId: string, known: Known, told: boolean): Promise<void> | undefined {
    const state = stateOf(known, clock.now())
    const changed = state !== known.state
    known.state = state
    watch(userId, known)
    if (!changed && !told) return undefined
    unpublished.add(userId)
    return publishSoon()
  }

  /** Looks again when the state may change by itself. What puts that off leaves the timer as it is: it looks, and is set again. */
  function watch(userId: string, known: Known): void {
    const now = clock.now()
    for (const [deviceId, { until }] of known.connections) if (until <= now) known.connections.delete(deviceId)
    const at = nextChange(known, now)
    if (at === undefined || (known.timer && known.timer.at <= at)) return
    known.timer?.cancel()
    const cancel = timers.after(at - now, () => {
      known.timer = undefined
      settle(userId, known, false)?.catch(failed)
    })
    known.timer = { at, cancel }
  }

  function publishSoon(): Promise<void> {
    const now = clock.now()
    if (cancelPublish) return Promise.resolve()
    if (now >= publishAt) return publish()
    cancelPublish = timers.after(publishAt - now, () => {
      cancelPublish = undefined
      publish().catch(failed)
    })
    return Promise.resolve()
  }

  async function publish(): Promise<void> {
    publishAt = clock.now() + publishEvery
    const users = [...unpublished]
    unpublished.clear()
    await storage.write((tx) => {
      const position = tx.nextPosition()
      for (const userId of users) for (const key of audienceOf(tx, userId)) tx.wake(key)
      tx.whenVisible(() => {
        for (const userId of users) {
          const known = people.get(userId)
          if (!known) continue
          known.position = position
          published.push({ position, userId })
        }
        if (published.length > 2 * people.size + 100)
          published = published.filter((entry) => people.get(entry.userId)?.position === entry.position)
        told?.(users)
      })
    })
  }

  return {
    syncing(userId, deviceId, wanted, timeout) {
      const known = people.get(userId)
      if (wanted === 'offline' && !known?.connections.has(deviceId)) return
      const person = known ?? personOf(userId)
      const now = clock.now()
      const before = person.connections.get(deviceId)
      // Coming back, or becoming online, is something that the user did; asking again is not.
      if (wanted === 'online' && (before?.wanted !== 'online' || before.until <= now)) person.lastActive = now
      connect(person, deviceId, wanted, now + timeout + grace)
      settle(userId, person, false)?.catch(failed)
    },
    active(userId) {
      const known = people.get(userId)
      if (!known) return
      known.lastActive = clock.now()
      settle(userId, known, false)?.catch(failed)
    },
    async set(userId, deviceId, wanted, statusMessage) {
      const known = personOf(userId)
      const now = clock.now()
      if (wanted !== 'offline') known.lastActive = now
      const until = Math.max(known.connections.get(deviceId)?.until ?? 0, now + idleAfter + grace)
      connect(known, deviceId, wanted, until)
      const told = known.statusMessage !== statusMessage
      known.statusMessage = statusMessage
      await settle(userId, known, told)
    },
    heard(userId, { state, lastActiveAgo, statusMessage }) {
      if (state === 'offline' && !people.has(userId)) return
      const known = personOf(userId)
      const now = clock.now()
      const news = known.statusMessage !== statusMessage
      known.heard = { state, until: now + heardLasts }
      known.lastActive = Math.max(0, now - lastActiveAgo)
      known.statusMessage = statusMessage
      settle(userId, known, news)?.catch(failed)
    },
    view(userId) {
      const known = people.get(userId)
      if (!known) return { presence: 'offline', lastActiveAgo: undefined, statusMessage: undefined }
      const now = clock.now()
      return {
        presence: stateOf(known, now),
        lastActiveAgo: known.lastActive === 0 ? undefined : now - known.lastActive,
        statusMessage: known.statusMessage,
      }
    },
    changedSince(from) {
      let low = 0
      let high = published.length
      while (low < high) {
        const middle = (low + high) >> 1
        if ((published[middle]?.position ?? 0) > from) high = middle
        else low = middle + 1
      }
      return [...new Set(published.slice(low).map(({ userId }) => userId))]
    },
    *present() {
      for (const [userId, { state }] of people) if (state !== 'offline') yield userId
    },
    isPresent: (userId) => (people.get(userId)?.state ?? 'offline') !== 'offline',
    close() {
      cancelPublish?.()
      for (const { timer } of people.values()) timer?.cancel()
      people.clear()
    },
  }
}
