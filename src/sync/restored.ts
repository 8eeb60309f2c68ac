import { statement, type Writer } from '../storage/handles.ts'

/** More than all clients store between two backups. */
const jump = 1_000_000

const skip = statement<[number], never>(
  `INSERT INTO filters (id, user_id, json) SELECT ifnull(max(id), 0) + ?, '', '{}' FROM filters`,
)

/** The database is an earlier copy of itself: ids of filters that were stored since, and that clients remember, must not be given again. */
export function filtersRestored(tx: Writer): void {
  skip(tx).run(jump)
}
