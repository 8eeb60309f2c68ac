import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Identity keys of devices. */
export const deviceKeys = sqliteTable(
  'device_keys',
  {
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    /** The object in canonical JSON, without `unsigned`, with all signatures that others may see. */
    json: text('json').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.deviceId] })],
)

/** One-time keys that were not given to anybody yet. */
export const oneTimeKeys = sqliteTable(
  'one_time_keys',
  {
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    algorithm: text('algorithm').notNull(),
    /** Of the upload: the oldest is given first. */
    position: integer('position').notNull(),
    keyId: text('key_id').notNull(),
    /** The key in canonical JSON. */
    json: text('json').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.deviceId, table.algorithm, table.position, table.keyId] })],
)

/** The newest one-time keys that were given away: a repeated upload must not bring them back. */
export const givenKeys = sqliteTable(
  'given_keys',
  {
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    /** Of the claim. */
    position: integer('position').notNull(),
    /** Of the key's name and value, see `keyDigest`. */
    digest: text('digest').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.deviceId, table.position, table.digest] })],
)

export const fallbackKeys = sqliteTable(
  'fallback_keys',
  {
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    algorithm: text('algorithm').notNull(),
    keyId: text('key_id').notNull(),
    /** The key in canonical JSON. */
    json: text('json').notNull(),
    used: integer('used', { mode: 'boolean' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.deviceId, table.algorithm] })],
)

/** Cross-signing keys of users. */
export const crossSigningKeys = sqliteTable(
  'cross_signing_keys',
  {
    userId: text('user_id').notNull(),
    /** `master`, `self_signing` or `user_signing`. */
    usage: text('usage').notNull(),
    /** Unpadded base64. */
    publicKey: text('public_key').notNull(),
    /** The object in canonical JSON, with the signatures that everybody may see. */
    json: text('json').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.usage] })],
)

/** Signatures by user-signing keys over other users' master keys: only their maker sees them. */
export const userSignatures = sqliteTable(
  'user_signatures',
  {
    signer: text('signer').notNull(),
    target: text('target').notNull(),
    /** The signed master key, unpadded base64. */
    targetKey: text('target_key').notNull(),
    /** `ed25519:…` of the user-signing key. */
    signerKey: text('signer_key').notNull(),
    signature: text('signature').notNull(),
    position: integer('position').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.signer, table.target, table.targetKey, table.signerKey] }),
    index('user_signatures_position').on(table.signer, table.position),
  ],
)

/** When each user's device list or cross-signing keys last changed, users of other servers included. */
export const deviceListChanges = sqliteTable(
  'device_list_changes',
  {
    userId: text('user_id').primaryKey(),
    position: integer('position').notNull(),
    /** Position of the newest change of a device: what other servers are told as `stream_id`. 0: there was none. */
    streamId: integer('stream_id').notNull(),
  },
  (table) => [index('device_list_changes_position').on(table.position)],
)

/** Users of other servers whose list of devices is known, or was: see `remote-store.ts`. */
export const remoteDeviceLists = sqliteTable('remote_device_lists', {
  userId: text('user_id').primaryKey(),
  /** Their server's number for the state of the list. */
  streamId: integer('stream_id').notNull(),
  /** False: something happened that this server did not understand. */
  current: integer('current', { mode: 'boolean' }).notNull(),
  /** What was known of rooms when the list was asked for: who shared one since then has been told of every change. */
  askedAt: integer('asked_at').notNull(),
  /** The local user for whom it was asked. */
  askedFor: text('asked_for').notNull(),
})

/** The devices in those lists that have keys. */
export const remoteDevices = sqliteTable(
  'remote_devices',
  {
    userId: text('user_id').notNull(),
    deviceId: text('device_id').notNull(),
    /** The object in canonical JSON, without `unsigned`. */
    json: text('json').notNull(),
    displayName: text('display_name'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.deviceId] })],
)
