import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** The last runs of each job. */
export const jobRuns = sqliteTable(
  'job_runs',
  {
    name: text('name').notNull(),
    /** Milliseconds since the epoch. */
    startedAt: integer('started_at').notNull(),
    /** Milliseconds; null: it runs, or the process ended before it did. */
    duration: integer('duration'),
    /** `running`, `done`, `failed` or `interrupted`. */
    result: text('result').notNull(),
    /** JSON: what a run that is done found, or why it failed; numbers and ids, never contents. */
    detail: text('detail').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.name, table.startedAt] }),
    index('job_runs_result').on(table.name, table.result, table.startedAt),
  ],
)

/** What lay on the disk on each day, for the forecast. */
export const diskDays = sqliteTable('disk_days', {
  /** Days since the epoch. */
  day: integer('day').primaryKey(),
  databaseBytes: integer('database_bytes').notNull(),
  mediaBytes: integer('media_bytes').notNull(),
  /** Of the whole file system. */
  freeBytes: integer('free_bytes').notNull(),
})

/** Restores that made this database what it is, the last of them counts. */
export const restores = sqliteTable('restores', {
  /** Milliseconds since the epoch. */
  restoredAt: integer('restored_at').primaryKey(),
  /** JSON of `RestoreReport`. */
  report: text('report').notNull(),
})
