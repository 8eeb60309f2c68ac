import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** What users find inappropriate, for the owner of the server. */
export const reports = sqliteTable('reports', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  /** Milliseconds since the epoch. */
  madeAt: integer('made_at').notNull(),
  reporter: text('reporter').notNull(),
  /** Of the room that is reported, or in which the event is. */
  roomId: text('room_id'),
  eventId: text('event_id'),
  /** The user who is reported, or who sent the event. */
  userId: text('user_id'),
  reason: text('reason').notNull(),
})
