import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden } from '../http/errors.ts'
import { shareRoom } from '../rooms/members.ts'
import type { Storage } from '../storage/storage.ts'
import type { Presence } from './presence.ts'
import { presenceContent } from './stream.ts'

export interface PresenceEndpointDeps {
  readonly storage: Storage
  readonly presence: Presence
}

const path = '/_matrix/client/v3/presence/{userId}/status'
export const maxStatusLength = 1000

/** Presence of oneself and of those one shares a room with; source: client-server API, "Presence". */
export function presenceEndpoints({ storage, presence }: PresenceEndpointDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path,
      auth: 'session',
      handle({ auth, path: { userId } }) {
        if (userId !== auth.userId && !shareRoom(storage.reader, auth.userId, userId))
          throw forbidden('You share no room with this user')
        return presenceContent(presence, userId)
      },
    }),
    endpoint({
      method: 'PUT',
      path,
      auth: 'session',
      body: Type.Object({
        presence: Type.Union([Type.Literal('online'), Type.Literal('unavailable'), Type.Literal('offline')]),
        status_msg: Type.Optional(Type.Union([Type.String({ maxLength: maxStatusLength }), Type.Null()])),
      }),
      rateLimit: { name: 'presence', by: 'user', burst: 20, perSecond: 1 },
      async handle({ auth, path: { userId }, body }) {
        if (userId !== auth.userId) throw forbidden('Only your own presence can be set')
        await presence.set(userId, auth.deviceId, body.presence, body.status_msg ?? undefined)
        return {}
      },
    }),
  ]
}
