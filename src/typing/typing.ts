import type { Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Position } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'

/** Who types where; in memory only, since nobody types through a restart. */
export interface Typing {
  /** Somebody types for `timeout` from now, or no longer. Resolves when others can see it. */
  set(roomNid: number, userId: string, timeout: Milliseconds | undefined): Promise<void>
  /** The room's state if it changed after `from`. */
  changedSince(roomNid: number, from: Position): readonly string[] | undefined
  /** Rooms in which it changed after `from`. */
  roomsSince(from: Position): Iterable<number>
  /** Lets go of the timers. */
  close(): void
}

interface TypingRoom {
  /** Of the newest change that readers may see. */
  position: Position
  /** Those who type, with what cancels their end. */
  readonly users: Map<string, () => void>
}

/** Rooms whose last change is remembered: whoever synced before then is not told that the typing has ended. */
const maxRooms = 5000
/** People shown as typing in one room. */
const maxTypists = 50

/** Hears of everybody who begins to type, goes on or ends. */
export type TypingTold = (roomNid: number, userId: string, typing: boolean) => void

export interface TypingParts {
  readonly storage: Storage
  readonly timers: Timers
  readonly log: Log
  readonly told?: TypingTold | undefined
}

export function createTyping({ storage, timers, log, told }: TypingParts): Typing {
  // In the order of their last change.
  const rooms = new Map<number, TypingRoom>()
  let newest: Position = 0

  /** Gives a change a position on the one clock; nothing is written. */
  function publish(roomNid: number): Promise<void> {
    return storage.write((tx) => {
      const position = tx.nextPosition()
      tx.wake(`room/${roomNid}`)
      tx.whenVisible(() => {
        const room = rooms.get(roomNid)
        if (!room) return
        room.position = position
        newest = position
        rooms.delete(roomNid)
        rooms.set(roomNid, room)
      })
    })
  }

  function stop(roomNid: number, userId: string): Promise<void> | undefined {
    const room = rooms.get(roomNid)
    const cancel = room?.users.get(userId)
    if (!room || !cancel) return undefined
    cancel()
    room.users.delete(userId)
    told?.(roomNid, userId, false)
    return publish(roomNid)
  }

  function start(roomNid: number, userId: string, timeout: Milliseconds): Promise<void> | undefined {
    const room = rooms.get(roomNid) ?? addRoom(roomNid)
    const cancel = room.users.get(userId)
    if (!cancel && room.users.size >= maxTypists) return undefined
    cancel?.()
    room.users.set(
      userId,
      timers.after(timeout, () => {
        stop(roomNid, userId)?.catch((error) => log.warn({ err: error, roomNid }, 'the end of typing could not be told'))
      }),
    )
    told?.(roomNid, userId, true)
    return cancel ? undefined : publish(roomNid)
  }

  function addRoom(roomNid: number): TypingRoom {
    const room: TypingRoom = { position: 0, users: new Map() }
    rooms.set(roomNid, room)
    if (rooms.size > maxRooms) {
      for (const [nid, { users }] of rooms) {
        if (users.size > 0) continue
        rooms.delete(nid)
        break
      }
    }
    return room
  }

  return {
    async set(roomNid, userId, timeout) {
      await (timeout === undefined ? stop(roomNid, userId) : start(roomNid, userId, timeout))
    },
    changedSince(roomNid, from) {
      const room = rooms.get(roomNid)
      return room && room.position > from ? [...room.users.keys()] : undefined
    },
    *roomsSince(from) {
      if (newest <= from) return
      for (const [nid, { position }] of rooms) if (position > from) yield nid
    },
    close() {
      for (const { users } of rooms.values()) for (const cancel of users.values()) cancel()
      rooms.clear()
    },
  }
}
