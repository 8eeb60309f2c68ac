import { allUsers } from '../../accounts/store.ts'
import { outboxRestored } from '../../federation/restored.ts'
import { keyBackupsRestored } from '../../key-backup/restored.ts'
import { keysRestored } from '../../keys/restored.ts'
import type { Milliseconds, Timers } from '../../platform/clock.ts'
import { type Position, type Reader, statement, type Writer } from '../../storage/handles.ts'
import { jumpAhead } from '../../storage/position-jump.ts'
import { openStorage } from '../../storage/storage.ts'
import { filtersRestored } from '../../sync/restored.ts'

/** What a restore brought back, and what it could not. */
export interface RestoreReport {
  readonly serverName: string
  readonly snapshot: string
  /** When the snapshot was made: what happened from then on is lost here, and asked for where others have it. */
  readonly lostSince: Milliseconds
  readonly restoredAt: Milliseconds
  readonly events: number
  readonly users: number
  readonly files: number
  readonly bytes: number
  /** Media whose files the snapshot does not have. */
  readonly mediaMissing: number
  /** They may have been given away after the snapshot; clients make new ones. */
  readonly oneTimeKeysDropped: number
  /** No position up to this one is ever given out again. */
  readonly skippedTo: Position
}

const insert = statement<[Milliseconds, string], never>('INSERT OR REPLACE INTO restores (restored_at, report) VALUES (?, ?)')
const newest = statement<[], string>('SELECT report FROM restores ORDER BY restored_at DESC LIMIT 1', 'pluck')

/** The restore that made this database what it is; undefined: none did. */
export function lastRestore(reader: Reader): RestoreReport | undefined {
  const report = newest(reader).get()
  return report === undefined ? undefined : (JSON.parse(report) as RestoreReport)
}

/** Positions that are skipped at least; more than a server gives out between two backups. */
const leastJump = 1_000_000_000

type Known = Omit<RestoreReport, 'oneTimeKeysDropped' | 'skippedTo' | 'mediaMissing'>

/**
 * Makes a restored database safe to serve: nothing that was given out after the snapshot may come again with another meaning.
 * Sessions that began after it are unknown, which clients understand (`M_UNKNOWN_TOKEN`).
 * @param findMedia looks for the files of media: how many are missing
 */
export async function repairRestored(
  wish: { readonly directory: string; readonly migrations: string; readonly timers: Timers },
  known: Known,
  findMedia: (reader: Reader) => Promise<number>,
): Promise<RestoreReport> {
  let fatal: Error | undefined
  const storage = openStorage({ ...wish, onFatal: (problem) => (fatal = problem), checkpoints: false })
  try {
    const mediaMissing = await findMedia(storage.reader)
    const report = await storage.write((tx) => repair(tx, { ...known, mediaMissing }))
    if (fatal) throw fatal
    return report
  } finally {
    await storage.close()
  }
}

function repair(tx: Writer, known: Omit<RestoreReport, 'oneTimeKeysDropped' | 'skippedTo'>): RestoreReport {
  const oneTimeKeysDropped = keysRestored(tx)
  keyBackupsRestored(
    tx,
    allUsers(tx).map(({ userId }) => userId),
  )
  filtersRestored(tx)
  outboxRestored(tx)
  // A thousand a second, for as long as the snapshot is old.
  const jump = Math.max(leastJump, known.restoredAt - known.lostSince)
  const skippedTo = jumpAhead(tx, jump)
  const report = { ...known, oneTimeKeysDropped, skippedTo }
  insert(tx).run(known.restoredAt, JSON.stringify(report))
  return report
}
