import { primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** What users say about themselves, one row for each field. */
export const profileFields = sqliteTable(
  'profile_fields',
  {
    userId: text('user_id').notNull(),
    key: text('key').notNull(),
    /** JSON of any type; a text for `displayname` and `avatar_url`. */
    value: text('value').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.key] })],
)
