import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

const message = {
  userId: text('user_id').notNull(),
  deviceId: text('device_id').notNull(),
  position: integer('position').notNull(),
  sender: text('sender').notNull(),
  type: text('type').notNull(),
  /** JSON object. */
  content: text('content').notNull(),
}

/** What the device's next answers of sync hold, until it has acknowledged them; never more than fits into one answer. */
export const deviceInbox = sqliteTable('device_inbox', message, (table) => [
  primaryKey({ columns: [table.userId, table.deviceId, table.position] }),
])

/** What did not fit into the inbox, in order of arrival; each gets a new position when it moves there. */
export const deviceBacklog = sqliteTable('device_backlog', message, (table) => [
  primaryKey({ columns: [table.userId, table.deviceId, table.position] }),
])

/** Requests that were carried out, so that a repetition is not carried out again. */
export const toDeviceTransactions = sqliteTable(
  'to_device_transactions',
  {
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    type: text('type').notNull(),
    transactionId: text('transaction_id').notNull(),
    /** Milliseconds since the epoch. */
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.deviceId, table.type, table.transactionId] }),
    index('to_device_transactions_age').on(table.createdAt),
  ],
)

/** Messages of other servers that were delivered, so that a repetition is not delivered again. */
export const receivedToDevice = sqliteTable(
  'received_to_device',
  {
    origin: text('origin').notNull(),
    messageId: text('message_id').notNull(),
    /** Milliseconds since the epoch. */
    receivedAt: integer('received_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.origin, table.messageId] }), index('received_to_device_age').on(table.receivedAt)],
)
