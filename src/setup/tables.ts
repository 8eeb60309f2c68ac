import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** What was answered in the setup, one row for each answer. */
export const setupAnswers = sqliteTable('setup_answers', {
  name: text('name').primaryKey(),
  /** JSON. */
  value: text('value').notNull(),
})

/** Who may use the owner's page. */
export const owners = sqliteTable('owners', {
  /** As typed, for people. */
  name: text('name').primaryKey(),
  passwordHash: text('password_hash').notNull(),
  /** `de` or `en`. */
  language: text('language').notNull(),
  /** Milliseconds since the epoch. */
  createdAt: integer('created_at').notNull(),
})

/** Who is signed in to the page; by the SHA-256 of what the cookie holds. */
export const ownerSessions = sqliteTable(
  'owner_sessions',
  {
    tokenHash: text('token_hash').primaryKey(),
    /** Null: gave the claim code, and is about to become the owner. */
    owner: text('owner'),
    /** Milliseconds since the epoch, as all of these. */
    startedAt: integer('started_at').notNull(),
    seenAt: integer('seen_at').notNull(),
    /** When the password was given last. */
    confirmedAt: integer('confirmed_at').notNull(),
  },
  (table) => [index('owner_sessions_owner').on(table.owner)],
)

/** Wrong codes and passwords, so that a restart forgives nobody. */
export const wrongTries = sqliteTable('wrong_tries', {
  /** `claim`, or `sign-in NETWORK`. */
  subject: text('subject').primaryKey(),
  count: integer('count').notNull(),
  /** Milliseconds since the epoch. */
  lastAt: integer('last_at').notNull(),
})

/** Everything that was done on the page or from the command line: who, when, what. */
export const auditLog = sqliteTable('audit_log', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  /** Milliseconds since the epoch. */
  at: integer('at').notNull(),
  who: text('who').notNull(),
  act: text('act').notNull(),
  /** Whom or what it was done to. */
  subject: text('subject').notNull(),
})

/** People of the practice. */
export const staff = sqliteTable('staff', {
  userId: text('user_id').primaryKey(),
  name: text('name').notNull(),
  role: text('role').notNull(),
  /** JSON: names of the practice's rooms that this person belongs to. */
  rooms: text('rooms').notNull(),
  /** Milliseconds since the epoch. */
  addedAt: integer('added_at').notNull(),
  /** Null: still here. */
  leftAt: integer('left_at'),
  /** JSON of what was done when this person left. */
  farewell: text('farewell'),
})

/** One-time links with which staff choose their password; by the SHA-256 of the secret in the link. */
export const staffLinks = sqliteTable(
  'staff_links',
  {
    tokenHash: text('token_hash').primaryKey(),
    userId: text('user_id').notNull(),
    /** Milliseconds since the epoch. */
    expiresAt: integer('expires_at').notNull(),
    /** Null: still to be used. */
    usedAt: integer('used_at'),
  },
  (table) => [uniqueIndex('staff_links_user').on(table.userId)],
)

/** The rooms that belong to roles, and the space around them. */
export const practiceRooms = sqliteTable('practice_rooms', {
  /** `space`, `everyone`, `reception`, ... */
  name: text('name').primaryKey(),
  roomId: text('room_id').notNull(),
})
