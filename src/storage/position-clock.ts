import type { Database } from 'better-sqlite3'
import type { Position } from './handles.ts'

/** Positions reserved ahead with one write: those of typing and presence are stored nowhere, yet must never come again after a restart. */
const reservation = 1000

/** The counter behind `Writer.nextPosition`. After a start it goes on beyond everything that was ever reserved. */
export function createPositionClock(database: Database) {
  const read = database.prepare<[], number>("SELECT value FROM kernel_values WHERE name = 'position'").pluck()
  const reserve = database.prepare<[number]>(
    "INSERT INTO kernel_values (name, value) VALUES ('position', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  )
  // The first is 1, so that no sync token is ever 0.
  let last: Position = read.get() ?? 1
  let reserved = last

  return {
    get last(): Position {
      return last
    },
    next(skip = 0): Position {
      last += 1 + skip
      if (last > reserved) {
        reserve.run(last + reservation)
        reserved = last + reservation
      }
      return last
    },
    /** A write was undone, perhaps the one that reserved: the next one reserves again. */
    forgetReservation(): void {
      reserved = 0
    },
  }
}
