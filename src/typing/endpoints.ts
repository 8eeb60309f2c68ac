import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden } from '../http/errors.ts'
import { findRoom, isJoined } from '../rooms/members.ts'
import type { Storage } from '../storage/storage.ts'
import type { Typing } from './typing.ts'

export interface TypingDeps {
  readonly storage: Storage
  readonly typing: Typing
  /** The user did something. */
  active(userId: string): void
}

const defaultTimeout = 30_000
const leastTimeout = 1000
const mostTimeout = 120_000

/** Typing notifications; source: client-server API, "Typing Notifications". */
export function typingEndpoints({ storage, typing, active }: TypingDeps): Endpoint[] {
  return [
    endpoint({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/{roomId}/typing/{userId}',
      auth: 'session',
      body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(Type.Integer()) }),
      rateLimit: { name: 'typing', by: 'user', burst: 30, perSecond: 5 },
      async handle({ auth, path, body }) {
        if (path.userId !== auth.userId) throw forbidden('Only your own typing can be told')
        const room = findRoom(storage.reader, path.roomId)
        if (!room || !isJoined(storage.reader, room.nid, auth.userId)) throw forbidden('You are not in this room')
        const timeout = Math.min(Math.max(body.timeout ?? defaultTimeout, leastTimeout), mostTimeout)
        active(auth.userId)
        await typing.set(room.nid, auth.userId, body.typing ? timeout : undefined)
        return {}
      },
    }),
  ]
}
