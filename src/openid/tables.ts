import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Tokens with which users show other services who they are. */
export const openidTokens = sqliteTable(
  'openid_tokens',
  {
    /** SHA-256 of the token, base64url. */
    tokenHash: text('token_hash').primaryKey(),
    userId: text('user_id').notNull(),
    /** Milliseconds since the epoch. */
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('openid_tokens_expiry').on(table.expiresAt), index('openid_tokens_user').on(table.userId)],
)
