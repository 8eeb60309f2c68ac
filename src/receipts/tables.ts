import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Up to which event a user has read: one row for each room, user, type and thread. */
export const receipts = sqliteTable(
  'receipts',
  {
    roomNid: integer('room_nid').notNull(),
    userId: text('user_id').notNull(),
    /** `m.read` or `m.read.private`. */
    type: text('type').notNull(),
    /** The thread's root, `main`, or empty: unthreaded. */
    threadId: text('thread_id').notNull(),
    eventId: text('event_id').notNull(),
    eventPosition: integer('event_position').notNull(),
    /** Milliseconds since the epoch. */
    sentAt: integer('sent_at').notNull(),
    /** Of the receipt itself. */
    position: integer('position').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.roomNid, table.userId, table.type, table.threadId] }),
    index('receipts_room').on(table.roomNid, table.position),
    index('receipts_position').on(table.position),
  ],
)
