import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

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

/** What servers last published about their keys, word for word: to be passed on with their signatures. */
export const serverKeyAnswers = sqliteTable(
  'server_key_answers',
  {
    serverName: text('server_name').primaryKey(),
    /** Canonical JSON; null: too long to be kept. */
    answer: text('answer'),
    /** Its `valid_until_ts`, milliseconds. */
    validUntil: integer('valid_until').notNull(),
    /** Milliseconds since the epoch. */
    fetchedAt: integer('fetched_at').notNull(),
  },
  (table) => [index('server_key_answers_by_age').on(table.fetchedAt)],
)

/** Events that wait to be sent, for each server that is to have them. */
export const outgoingPdus = sqliteTable(
  'outgoing_pdus',
  {
    destination: text('destination').notNull(),
    /** Of the event: they are sent in this order. */
    position: integer('position').notNull(),
    /** Number of the room, whatever it stands for. */
    room: integer('room').notNull(),
  },
  (table) => [primaryKey({ columns: [table.destination, table.position] })],
)

/** What else waits to be sent and must not be lost. */
export const outgoingEdus = sqliteTable(
  'outgoing_edus',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    destination: text('destination').notNull(),
    type: text('type').notNull(),
    /** Of those with one name only the newest waits. */
    name: text('name'),
    /** JSON. */
    content: text('content').notNull(),
    /** Milliseconds since the epoch. */
    queuedAt: integer('queued_at').notNull(),
  },
  (table) => [
    index('outgoing_edus_destination').on(table.destination, table.id),
    uniqueIndex('outgoing_edus_name').on(table.destination, table.name),
  ],
)

/** How sending to a server went lately; times are milliseconds since the epoch. */
export const destinations = sqliteTable('destinations', {
  server: text('server').primaryKey(),
  /** Since when it takes nothing; null: it does. */
  failingSince: integer('failing_since'),
  failures: integer('failures').notNull(),
  nextAttempt: integer('next_attempt').notNull(),
  /** When it last took something; null: never. */
  lastSuccess: integer('last_success'),
  /** The last rows of the transaction that it did not take, or took without an answer: the next attempt has no others. Null: none. */
  triedPdu: integer('tried_pdu'),
  triedEdu: integer('tried_edu'),
})

/** Transactions that were processed, so that those sent again are answered again. */
export const receivedTransactions = sqliteTable(
  'received_transactions',
  {
    origin: text('origin').notNull(),
    transactionId: text('transaction_id').notNull(),
    /** Milliseconds since the epoch. */
    receivedAt: integer('received_at').notNull(),
    /** JSON. */
    answer: text('answer').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.origin, table.transactionId] }),
    index('received_transactions_of').on(table.origin, table.receivedAt),
    index('received_transactions_age').on(table.receivedAt),
  ],
)
