import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

export const users = sqliteTable('users', {
  userId: text('user_id').primaryKey(),
  /** In PHC string format; null: nobody can sign in with a password. */
  passwordHash: text('password_hash'),
  admin: integer('admin', { mode: 'boolean' }).notNull(),
  /** Milliseconds since the epoch. */
  createdAt: integer('created_at').notNull(),
  deactivated: integer('deactivated', { mode: 'boolean' }).notNull().default(false),
})

export const devices = sqliteTable(
  'devices',
  {
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    displayName: text('display_name'),
    /** Milliseconds since the epoch; a few minutes behind. */
    lastSeenTs: integer('last_seen_ts').notNull(),
    lastSeenIp: text('last_seen_ip').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.deviceId] })],
)

/** An access token and the refresh token issued with it. Tokens are kept as SHA-256 in URL-safe base64. */
export const tokenPairs = sqliteTable(
  'token_pairs',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    accessHash: text('access_hash').notNull(),
    /** Milliseconds since the epoch; null: does not expire. */
    expiresAt: integer('expires_at'),
    /** Null: none was issued, or it was used up. */
    refreshHash: text('refresh_hash'),
    /** The pair whose refresh token led to this one and dies at the first use of this one. */
    replaces: integer('replaces'),
  },
  (table) => [
    uniqueIndex('token_pairs_access').on(table.accessHash),
    uniqueIndex('token_pairs_refresh').on(table.refreshHash),
    index('token_pairs_device').on(table.userId, table.deviceId),
  ],
)

/** Tokens with which people may register, by their SHA-256 in URL-safe base64. */
export const registrationTokens = sqliteTable('registration_tokens', {
  tokenHash: text('token_hash').primaryKey(),
  /** Null: any number of accounts. */
  usesAllowed: integer('uses_allowed'),
  used: integer('used').notNull().default(0),
  /** Milliseconds since the epoch; null: never. */
  expiresAt: integer('expires_at'),
  createdAt: integer('created_at').notNull(),
})
