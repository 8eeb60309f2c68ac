import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** A room, an event in it (with its sender), or a user. */
export interface Reported {
  readonly roomId?: string
  readonly eventId?: string
  readonly userId?: string
}

interface Report {
  readonly id: number
  /** Milliseconds since the epoch. */
  readonly madeAt: number
  readonly reporter: string
  readonly roomId: string | null
  readonly eventId: string | null
  readonly userId: string | null
  readonly reason: string
}

const insert = statement<[number, string, string | null, string | null, string | null, string], never>(
  'INSERT INTO reports (made_at, reporter, room_id, event_id, user_id, reason) VALUES (?, ?, ?, ?, ?, ?)',
)
const latest = statement<[number, number], Report>(
  `SELECT id, made_at AS madeAt, reporter, room_id AS roomId, event_id AS eventId, user_id AS userId, reason
   FROM reports WHERE id < ? ORDER BY id DESC LIMIT ?`,
)

export function insertReport(
  tx: Writer,
  { madeAt, reporter, reason }: Pick<Report, 'madeAt' | 'reporter' | 'reason'>,
  { roomId, eventId, userId }: Reported,
): void {
  insert(tx).run(madeAt, reporter, roomId ?? null, eventId ?? null, userId ?? null, reason)
}

/** The newest first; `before`: the id of the last report of the page before. */
export function listReports(reader: Reader, limit: number, before: number = Number.MAX_SAFE_INTEGER): readonly Report[] {
  return latest(reader).all(before, limit)
}
