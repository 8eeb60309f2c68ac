import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const backupVersions = sqliteTable(
  'backup_versions',
  {
    userId: text('user_id').notNull(),
    /** 1, 2, 3… for each user; never given again, since a deleted version is remembered. */
    version: integer('version').notNull(),
    algorithm: text('algorithm').notNull(),
    /** JSON object. */
    authData: text('auth_data').notNull(),
    /** Grows with each change of the keys. */
    etag: integer('etag').notNull(),
    /** Number of keys. */
    count: integer('count').notNull(),
    deleted: integer('deleted', { mode: 'boolean' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.version] })],
)

export const backupKeys = sqliteTable(
  'backup_keys',
  {
    userId: text('user_id').notNull(),
    version: integer('version').notNull(),
    roomId: text('room_id').notNull(),
    sessionId: text('session_id').notNull(),
    firstMessageIndex: integer('first_message_index').notNull(),
    forwardedCount: integer('forwarded_count').notNull(),
    isVerified: integer('is_verified', { mode: 'boolean' }).notNull(),
    /** JSON object. */
    sessionData: text('session_data').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.version, table.roomId, table.sessionId] })],
)
