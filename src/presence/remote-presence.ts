import type { Edu } from '../federation/outbox.ts'
import { type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Milliseconds, Timers } from '../platform/clock.ts'
import { joinedRoomsOf, roomOf } from '../rooms/members.ts'
import { serversIn } from '../rooms/servers.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { maxWokenMembers } from './audience.ts'
import type { Presence, PresenceView } from './presence.ts'

export interface PresenceNewsDeps {
  readonly storage: Storage
  readonly timers: Timers
  readonly serverName: ServerName
  readonly presence: Pick<Presence, 'view' | 'present'>
  sendEphemeral(destinations: readonly ServerName[], edu: Edu & { readonly name: string }): void
}

/** Tells other servers of users of this one. */
export interface PresenceNews {
  tell(userIds: Iterable<string>): void
  /** Lets go of the timer. */
  close(): void
}

/** Others believe what they heard for half an hour, as this server does. */
const repeatEvery: Milliseconds = 20 * 60_000

/** Source: server-server API, "Presence". */
export function createPresenceNews(deps: PresenceNewsDeps): PresenceNews {
  const { storage, timers, serverName, presence, sendEphemeral } = deps
  let cancel = timers.after(repeatEvery, repeat)

  function repeat(): void {
    cancel = timers.after(repeatEvery, repeat)
    tell(presence.present())
  }

  function tell(userIds: Iterable<string>): void {
    for (const userId of userIds) {
      if (serverOf(userId as UserId) !== serverName) continue
      const servers = audience(storage.reader, serverName, userId)
      if (servers.length === 0) continue
      const content = { push: [updateOf(userId, presence.view(userId))] }
      sendEphemeral(servers, { type: 'm.presence', content, name: `presence ${userId}` })
    }
  }

  return { tell, close: () => cancel() }
}

/** The servers in a user's rooms; large rooms, as for users of this server, learn nothing of presence. */
function audience(reader: Reader, serverName: ServerName, userId: string): readonly ServerName[] {
  const rooms = joinedRoomsOf(reader, userId).filter(({ nid }) => roomOf(reader, nid).joinedMembers <= maxWokenMembers)
  const servers = new Set(rooms.flatMap(({ nid }) => serversIn(reader, nid)))
  servers.delete(serverName)
  return [...servers]
}

function updateOf(userId: string, { presence, lastActiveAgo, statusMessage }: PresenceView): JsonObject {
  return {
    user_id: userId,
    presence,
    last_active_ago: lastActiveAgo ?? 0,
    ...(statusMessage !== undefined && { status_msg: statusMessage.toWellFormed() }),
    ...(presence === 'online' && { currently_active: true }),
  }
}
