import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** How a user's push rules differ from those that everybody has. */
export const pushRules = sqliteTable('push_rules', {
  userId: text('user_id').primaryKey(),
  /** Of the last change. */
  position: integer('position').notNull(),
  /** JSON of `RuleChanges`. */
  changes: text('changes').notNull(),
})

/** Unread counts now and then, so that they need not be counted from the beginning; see `counter.ts`. */
export const unreadCheckpoints = sqliteTable(
  'unread_checkpoints',
  {
    userId: text('user_id').notNull(),
    roomNid: integer('room_nid').notNull(),
    /** Position of the newest event that is counted. */
    countedTo: integer('counted_to').notNull(),
    /** JSON of what is unread. */
    tally: text('tally').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.roomNid] })],
)
