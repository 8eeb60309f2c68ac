import { statement, type Writer } from '../storage/handles.ts'

/** More than a server sends between two backups. */
const jump = 1_000_000_000

const last = statement<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'outgoing_edus'`, 'pluck')
const begin = statement<[number], never>(`INSERT INTO sqlite_sequence (name, seq) VALUES ('outgoing_edus', ?)`)
const skip = statement<[number], never>(`UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'outgoing_edus'`)

/**
 * The database is an earlier copy of itself. The numbers of what is sent to other servers go into the ids of transactions: one that came again
 * with another content would be taken for the old one, and be ignored. (Events are numbered by their positions.)
 */
export function outboxRestored(tx: Writer): void {
  if (last(tx).get() === undefined) begin(tx).run(jump)
  else skip(tx).run(jump)
}
