import Sqlite from 'better-sqlite3'

/** Copies a database, as it is at this moment, while others write to it. The copy goes in small steps between the turns of the event loop. */
export async function backUp(file: string, target: string): Promise<void> {
  const source = new Sqlite(file, { readonly: true })
  try {
    // Without a snapshot of its own the copy would begin again after each write.
    source.exec('BEGIN')
    source.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get()
    await source.backup(target)
  } finally {
    source.close()
  }
}
