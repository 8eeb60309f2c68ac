import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { noteOf, setNote } from './answers.ts'

/** A time in which the box was off. Milliseconds since the epoch. */
export interface Absence {
  readonly from: Milliseconds
  readonly to: Milliseconds
}

export interface Pulse {
  stop(): void
}

export interface PulseDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
}

const beat: Milliseconds = 5 * 60_000
/** A shorter one, such as for an update, nobody needs to hear of. */
const leastAbsence: Milliseconds = 20 * 60_000
const pulseNote = 'note pulse'
const absenceNote = 'note absence'

/** The last time in which the box was off for long; undefined: none is known. */
export function lastAbsence(reader: Reader): Absence | undefined {
  const note = noteOf(reader, absenceNote)
  return note === undefined ? undefined : (JSON.parse(note) as Absence)
}

/** Notes now and then that the box is on, so that it can tell for how long it was not. */
export async function startPulse({ storage, clock, timers, log }: PulseDeps): Promise<Pulse> {
  let cancel: () => void = () => undefined
  let stopped = false

  function note(): Promise<void> {
    return storage.write((tx) => {
      const now = clock.now()
      const last = Number(noteOf(tx, pulseNote) ?? now)
      if (now - last >= leastAbsence) setNote(tx, absenceNote, JSON.stringify({ from: last, to: now } satisfies Absence))
      setNote(tx, pulseNote, String(now))
    })
  }

  function next(): void {
    cancel = timers.after(beat, () => {
      note()
        .catch((error: unknown) => log.warn({ err: error }, 'the pulse was not noted'))
        .finally(() => stopped || next())
    })
  }

  await note()
  next()
  return {
    stop() {
      stopped = true
      cancel()
    },
  }
}
