import { type Position, type Reader, statement, type Writer } from './handles.ts'

const reserved = statement<[], Position>(`SELECT value FROM kernel_values WHERE name = 'position'`, 'pluck')
const jump = statement<[number], never>(`UPDATE kernel_values SET value = value + ? WHERE name = 'position'`)

/** The end of what the clock of a database has reserved: no position beyond it was ever given out. */
export function readPosition(reader: Reader): Position {
  return reserved(reader).get() ?? 1
}

/**
 * Makes the clock go on `by` positions later once the database is opened again: positions that were given out after this copy of the
 * database was made must not come again with another meaning. Nothing else may be written between this and the end of the storage.
 * @returns the last position that is skipped
 */
export function jumpAhead(tx: Writer, by: number): Position {
  // A new database has no row before its first position.
  if (reserved(tx).get() === undefined) tx.nextPosition()
  jump(tx).run(by)
  const skipped = readPosition(tx)
  if (!Number.isSafeInteger(skipped)) throw new Error(`there is no position beyond ${skipped}`)
  return skipped
}
