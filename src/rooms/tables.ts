import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

export const rooms = sqliteTable(
  'rooms',
  {
    /** Short name of the room inside this database. */
    nid: integer('nid').primaryKey({ autoIncrement: true }),
    roomId: text('room_id').notNull(),
    version: text('version').notNull(),
    /** Root of the current state's snapshot. */
    stateRoot: integer('state_root').notNull(),
    /** Position of the newest event in the timeline. */
    lastPosition: integer('last_position').notNull(),
    joinedMembers: integer('joined_members').notNull(),
    invitedMembers: integer('invited_members').notNull(),
  },
  (table) => [uniqueIndex('rooms_room_id').on(table.roomId)],
)

export const events = sqliteTable(
  'events',
  {
    position: integer('position').primaryKey(),
    roomNid: integer('room_nid').notNull(),
    eventId: text('event_id').notNull(),
    /** Place in the room's timeline: the position for events that came live, falling below 1 for those fetched later. Null: known, but not in the timeline. */
    timelineOrder: integer('timeline_order'),
    type: text('type').notNull(),
    stateKey: text('state_key'),
    sender: text('sender').notNull(),
    depth: integer('depth').notNull(),
    originServerTs: integer('origin_server_ts').notNull(),
    /** Root of the state's snapshot before the event. */
    stateRoot: integer('state_root').notNull(),
    /** See `EventStatus`. */
    status: integer('status').notNull(),
    /** Position of the state event that this one replaced. */
    replaces: integer('replaces'),
    /** Position of the redaction that was applied to it. */
    redactedBy: integer('redacted_by'),
    /** Device and transaction id (a line each) of the client that sent it: only that device is told. */
    origin: text('origin'),
    /** The PDU in canonical JSON, and where in that text its `content` stands (UTF-16 units). */
    json: text('json').notNull(),
    contentStart: integer('content_start').notNull(),
    contentLength: integer('content_length').notNull(),
  },
  (table) => [
    uniqueIndex('events_event_id').on(table.eventId),
    index('events_timeline').on(table.roomNid, table.timelineOrder),
    index('events_time').on(table.roomNid, table.originServerTs, table.timelineOrder).where(sql`timeline_order IS NOT NULL`),
    index('events_origin').on(table.origin).where(sql`origin IS NOT NULL`),
  ],
)

/** The newest events of the room's graph: what the next event points at. */
export const heads = sqliteTable(
  'room_heads',
  { roomNid: integer('room_nid').notNull(), position: integer('position').notNull() },
  (table) => [primaryKey({ columns: [table.roomNid, table.position] })],
)

/** The current state, flat: what a look-up of one entry or a listing needs. Snapshots hold the states of the past. */
export const currentState = sqliteTable(
  'current_state',
  {
    roomNid: integer('room_nid').notNull(),
    type: text('type').notNull(),
    stateKey: text('state_key').notNull(),
    position: integer('position').notNull(),
  },
  (table) => [primaryKey({ columns: [table.roomNid, table.type, table.stateKey] })],
)

/** Current memberships, a projection of `current_state` that can be asked by user. */
export const memberships = sqliteTable(
  'memberships',
  {
    roomNid: integer('room_nid').notNull(),
    userId: text('user_id').notNull(),
    membership: text('membership').notNull(),
    /** Of the membership event. */
    position: integer('position').notNull(),
    /** Position at which it became current: later than its own where the state was resolved anew. */
    changedAt: integer('changed_at').notNull(),
    /** Position at which the user began to be joined without a break. */
    joinedAt: integer('joined_at'),
    forgotten: integer('forgotten', { mode: 'boolean' }).notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.roomNid, table.userId] }),
    index('memberships_user').on(table.userId, table.membership),
    // What changed between two syncs, in whichever room.
    index('memberships_changed_at').on(table.changedAt),
  ],
)

/** The servers that have users joined to a room, a projection of `memberships`. */
export const roomServers = sqliteTable(
  'room_servers',
  { roomNid: integer('room_nid').notNull(), server: text('server').notNull(), joined: integer('joined').notNull() },
  (table) => [primaryKey({ columns: [table.roomNid, table.server] }), index('room_servers_server').on(table.server)],
)

/** Which state was current from a position on: what sync compares. */
export const roomStates = sqliteTable(
  'room_states',
  { roomNid: integer('room_nid').notNull(), position: integer('position').notNull(), stateRoot: integer('state_root').notNull() },
  (table) => [primaryKey({ columns: [table.roomNid, table.position] })],
)

/** Events that the room's graph points at and this server has no state for: where its knowledge ends, and history can be fetched. */
export const missingEvents = sqliteTable(
  'missing_events',
  {
    roomNid: integer('room_nid').notNull(),
    eventId: text('event_id').notNull(),
    /** Position of the first event that pointed at it. */
    child: integer('child').notNull(),
    /** Whether that event came live, rather than as part of a past that another server told. */
    isPresent: integer('is_present', { mode: 'boolean' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.roomNid, table.eventId] })],
)

/** What a server elsewhere told of a room when it invited a user of this one, or took a knock: stripped state events, a JSON array. */
export const strippedStates = sqliteTable(
  'stripped_states',
  { roomNid: integer('room_nid').notNull(), userId: text('user_id').notNull(), events: text('events').notNull() },
  (table) => [primaryKey({ columns: [table.roomNid, table.userId] })],
)

/** What an event relates to (`m.relates_to`), for redactions' sake kept apart from the event. */
export const relations = sqliteTable(
  'event_relations',
  {
    position: integer('position').primaryKey(),
    roomNid: integer('room_nid').notNull(),
    target: text('target').notNull(),
    relationType: text('relation_type').notNull(),
  },
  (table) => [index('event_relations_target').on(table.target, table.relationType)],
)

/** Numbers for pairs of type and state key, so that snapshots are small. */
export const stateKeys = sqliteTable(
  'state_keys',
  { id: integer('id').primaryKey(), type: text('type').notNull(), stateKey: text('state_key').notNull() },
  (table) => [uniqueIndex('state_keys_pair').on(table.type, table.stateKey)],
)

/** Nodes of state snapshots, see `state-snapshots.ts`. */
export const stateNodes = sqliteTable('state_nodes', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  node: blob('node', { mode: 'buffer' }).notNull(),
})

export const aliases = sqliteTable(
  'room_aliases',
  { alias: text('alias').primaryKey(), roomNid: integer('room_nid').notNull(), creator: text('creator').notNull() },
  (table) => [index('room_aliases_room').on(table.roomNid)],
)

/** Rooms shown in this server's public list. */
export const publicRooms = sqliteTable('public_rooms', { roomNid: integer('room_nid').primaryKey() })
