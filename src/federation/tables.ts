import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Public keys of other servers, as each published them under its own name and proved that it has them. */
export const serverKeys = sqliteTable(
  'server_keys',
  {
    serverName: text('server_name').notNull(),
    /** `ed25519:VERSION`. */
    keyId: text('key_id').notNull(),
    /** Unpadded base64. */
    publicKey: text('public_key').notNull(),
    /** Milliseconds since the epoch; what was signed later is not signed by this key. */
    validUntil: integer('valid_until').notNull(),
    /** The server no longer signs with it. */
    retired: integer('retired', { mode: 'boolean' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.serverName, table.keyId] })],
)
