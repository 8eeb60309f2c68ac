import type { JsonObject } from '../matrix/json.ts'
import type { PushFacts } from '../matrix/push/conditions.ts'
import { evaluatePush } from '../matrix/push/evaluate.ts'
import type { Log } from '../platform/log.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { rulesetOf } from './store.ts'
import {
  addNotice,
  type Counts,
  countsOf,
  emptyTally,
  type ReadPositions,
  readTally,
  readThread,
  type Tally,
  withoutRead,
  writeTally,
} from './tally.ts'

/** An event of a room's timeline, as far as push rules look at it. */
export interface PushEvent {
  readonly position: Position
  readonly type: string
  readonly sender: string
  readonly stateKey: string | null
  /** May be a getter that parses: it is read once, and only where a rule asks for it. */
  readonly content: JsonObject
  /** The root of the thread that the event is in; undefined: the main timeline. */
  readonly threadRoot?: string | undefined
}

/** What push rules may ask about a room; each is read only where a rule asks for it. */
export interface RoomFacts {
  /** Of the user whose rules are evaluated. */
  readonly displayName: string | undefined
  /** Joined members. */
  readonly memberCount: number
  powerLevelOf(sender: string): number
  notificationLevel(key: string): number
}

export interface CounterDeps {
  readonly storage: Storage
  readonly log: Log
  /** Events of the timeline after `from` and up to `to` in their order, at most `limit`. */
  pushView(reader: Reader, roomNid: number, from: Position, to: Position, limit: number): readonly PushEvent[]
  readPositionsOf(reader: Reader, userId: string, roomNid: number): ReadPositions
  ignoredUsersOf(reader: Reader, userId: string): ReadonlySet<string>
  roomFacts(reader: Reader, roomNid: number, userId: string): RoomFacts
}

/** Unread counts of a user in a room by thread (`main` or a root), up to the event at `to`. */
export interface UnreadCounter {
  countsOf(reader: Reader, userId: string, roomNid: number, roomId: string, to: Position): ReadonlyMap<string, Counts>
}

/** Pairs of user and room whose tally is kept in memory; those asked for longest ago go first. */
const maxTallies = 10_000
/** Events read at a time. */
const batch = 500
/** After so many events a tally is written down, so that they need not be looked at again after a restart. */
const checkpointEvery = 500

interface Kept {
  tally: Tally
  sinceCheckpoint: number
}

const findCheckpoint = statement<[string, number], { countedTo: Position; tally: string }>(
  'SELECT counted_to AS countedTo, tally FROM unread_checkpoints WHERE user_id = ? AND room_nid = ?',
)
const putCheckpoint = statement<[string, number, Position, string], never>(
  `INSERT INTO unread_checkpoints (user_id, room_nid, counted_to, tally) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET counted_to = excluded.counted_to, tally = excluded.tally`,
)

/**
 * Counts when somebody asks, from where it last stopped: nothing is written for a message and a member. An event is judged by the rules
 * and the room's facts of the time when it is first counted.
 */
export function createUnreadCounter(deps: CounterDeps): UnreadCounter {
  const tallies = new Map<string, Kept>()

  function keptFor(reader: Reader, key: string, userId: string, roomNid: number, read: ReadPositions, to: Position): Kept {
    const known = tallies.get(key)
    tallies.delete(key)
    if (known && known.tally.countedTo <= to) {
      known.tally = withoutRead(known.tally, read)
      return remember(key, known)
    }
    const written = findCheckpoint(reader).get(userId, roomNid)
    const useful = written && written.countedTo >= read.room && written.countedTo <= to
    const tally = useful ? withoutRead(readTally(written.countedTo, written.tally), read) : emptyTally(read.room)
    return remember(key, { tally, sinceCheckpoint: 0 })
  }

  function remember(key: string, kept: Kept): Kept {
    tallies.set(key, kept)
    const oldest = tallies.size > maxTallies ? tallies.keys().next().value : undefined
    if (oldest !== undefined) tallies.delete(oldest)
    return kept
  }

  function checkpoint(userId: string, roomNid: number, kept: Kept): void {
    kept.sinceCheckpoint = 0
    const { countedTo } = kept.tally
    const text = writeTally(kept.tally)
    deps.storage
      .write((tx: Writer) => putCheckpoint(tx).run(userId, roomNid, countedTo, text))
      // Nothing is lost: it would be counted again.
      .catch((error) => deps.log.warn({ err: error, roomNid }, 'unread counts not written down'))
  }

  return {
    countsOf(reader, userId, roomNid, roomId, to) {
      const read = deps.readPositionsOf(reader, userId, roomNid)
      const kept = keptFor(reader, `${roomNid} ${userId}`, userId, roomNid, read, to)
      const { tally } = kept
      // What lies before the read position is read, whoever looks at it.
      tally.countedTo = Math.max(tally.countedTo, read.room)
      if (tally.countedTo < to) {
        const count = counterFor(deps, reader, userId, roomNid, roomId, read)
        while (tally.countedTo < to) {
          const events = deps.pushView(reader, roomNid, tally.countedTo, to, batch)
          for (const event of events) count(tally, event)
          tally.countedTo = events.length < batch ? to : (events.at(-1)?.position ?? to)
          kept.sinceCheckpoint += events.length
        }
        if (kept.sinceCheckpoint >= checkpointEvery) checkpoint(userId, roomNid, kept)
      }
      return countsOf(tally)
    },
  }
}

/** Adds one event to a tally. */
function counterFor(
  deps: CounterDeps,
  reader: Reader,
  userId: string,
  roomNid: number,
  roomId: string,
  read: ReadPositions,
): (tally: Tally, event: PushEvent) => void {
  const ruleset = rulesetOf(reader, userId)
  const ignored = deps.ignoredUsersOf(reader, userId)
  const room = deps.roomFacts(reader, roomNid, userId)
  return (tally, event) => {
    const thread = event.threadRoot ?? 'main'
    // Sending something means having read what is there; source: client-server API, "Marking notifications as read".
    if (event.sender === userId) return readThread(tally, thread)
    if (event.position <= (read.threads.get(thread) ?? read.room) || ignored.has(event.sender)) return
    const facts = factsFor(userId, room, event.sender)
    const outcome = evaluatePush(ruleset, asSeen(event, roomId), facts)
    if (outcome.notify) addNotice(tally, { position: event.position, thread, highlight: outcome.highlight })
  }
}

function factsFor(userId: string, room: RoomFacts, sender: string): PushFacts {
  return {
    userId,
    get displayName() {
      return room.displayName
    },
    get memberCount() {
      return room.memberCount
    },
    get senderLevel() {
      return room.powerLevelOf(sender)
    },
    notificationLevel: (key) => room.notificationLevel(key),
  }
}

/** The event as the conditions of rules see it. */
function asSeen(event: PushEvent, roomId: string): JsonObject {
  let content: JsonObject | undefined
  return {
    type: event.type,
    sender: event.sender,
    room_id: roomId,
    ...(event.stateKey !== null && { state_key: event.stateKey }),
    get content() {
      content ??= event.content
      return content
    },
  }
}
