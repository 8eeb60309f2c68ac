import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Filters that clients stored; the same content of one user is one filter. */
export const filters = sqliteTable(
  'filters',
  { id: integer('id').primaryKey(), userId: text('user_id').notNull(), json: text('json').notNull() },
  (table) => [index('filters_user').on(table.userId)],
)
