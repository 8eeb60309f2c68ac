import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** What clients keep with the account: one row for each user, room and type. */
export const accountData = sqliteTable(
  'account_data',
  {
    userId: text('user_id').notNull(),
    /** Short name of the room; 0: global. */
    roomNid: integer('room_nid').notNull(),
    type: text('type').notNull(),
    /** Of the last change. */
    position: integer('position').notNull(),
    /** JSON object. */
    content: text('content').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.roomNid, table.type] }),
    index('account_data_changes').on(table.userId, table.position),
  ],
)
