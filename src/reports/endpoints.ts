import Type from 'typebox'
import { type Endpoint, endpoint, type Session } from '../http/endpoint.ts'
import { invalidParam, notFound } from '../http/errors.ts'
import { parseRoomId, parseUserId } from '../matrix/identifiers.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { findEvent, wasRefused } from '../rooms/event-store.ts'
import { findRoom, isJoined } from '../rooms/members.ts'
import { roomView } from '../rooms/visibility.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { insertReport, type Reported } from './store.ts'

export interface ReportsDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
}

const rateLimit = { name: 'report', by: 'user', burst: 20, perSecond: 0.1 } as const
/** A letter to the owner, not a book. */
const reason = Type.String({ maxLength: 5000 })

/** Complaints for the owner of the server; source: client-server API, "Reporting Content". */
export function reportEndpoints({ storage, clock, log }: ReportsDeps): Endpoint[] {
  async function take(auth: Session, reported: Reported, reason: string): Promise<Record<string, never>> {
    await storage.write((tx) => insertReport(tx, { madeAt: clock.now(), reporter: auth.userId, reason }, reported))
    log.info({ ...reported }, 'somebody reported something')
    return {}
  }

  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/report',
      auth: 'session',
      body: Type.Object({ reason }),
      rateLimit,
      // Whether there is such a room, the answer does not tell.
      handle({ auth, path, body }) {
        const roomId = parseRoomId(path.roomId)
        if (roomId === undefined) throw invalidParam('roomId: not a room id')
        return take(auth, { roomId }, body.reason)
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/report/{eventId}',
      auth: 'session',
      body: Type.Object({ reason: Type.Optional(reason) }),
      rateLimit,
      handle({ auth, path: { roomId, eventId }, body }) {
        const sender = senderOf(storage.reader, auth.userId, roomId, eventId)
        return take(auth, { roomId, eventId, userId: sender }, body.reason ?? '')
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/users/{userId}/report',
      auth: 'session',
      body: Type.Object({ reason }),
      rateLimit,
      // Nor whether there is such a user.
      handle({ auth, path, body }) {
        const userId = parseUserId(path.userId)
        if (userId === undefined) throw invalidParam('userId: not a user id')
        return take(auth, { userId }, body.reason)
      },
    }),
  ]
}

/** Who sent an event that a user can see in a room they are in. */
function senderOf(reader: Reader, userId: string, roomId: string, eventId: string): string {
  const room = findRoom(reader, roomId)
  const row = findEvent(reader, eventId)
  const isThere = room && row?.roomNid === room.nid && !wasRefused(row)
  if (!isThere || !isJoined(reader, room.nid, userId) || !roomView(reader, room, userId).maySee(row))
    throw notFound('There is no such event, or you are not in its room')
  return row.sender
}
