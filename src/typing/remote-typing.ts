import type { Edu } from '../federation/outbox.ts'
import { type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { roomOf } from '../rooms/members.ts'
import { serversIn } from '../rooms/servers.ts'
import type { Storage } from '../storage/storage.ts'
import type { TypingTold } from './typing.ts'

export interface TypingNewsDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly serverName: ServerName
  sendEphemeral(destinations: readonly ServerName[], edu: Edu & { readonly name: string }): void
}

/** Other servers forget who types unless they hear of it again; a minute is usual. */
const repeatAfter: Milliseconds = 25_000

/** Tells the other servers in a room who of this one types. Source: server-server API, "Typing Notifications". */
export function createTypingNews({ storage, clock, serverName, sendEphemeral }: TypingNewsDeps): TypingTold {
  const toldAt = new Map<string, Milliseconds>()
  return (roomNid, userId, typing) => {
    if (serverOf(userId as UserId) !== serverName) return
    const name = `typing ${roomNid} ${userId}`
    if (!typing) toldAt.delete(name)
    else if (clock.now() - (toldAt.get(name) ?? Number.NEGATIVE_INFINITY) < repeatAfter) return
    else toldAt.set(name, clock.now())
    const others = serversIn(storage.reader, roomNid).filter((server) => server !== serverName)
    if (others.length === 0) return
    const content = { room_id: roomOf(storage.reader, roomNid).roomId, user_id: userId, typing }
    sendEphemeral(others, { type: 'm.typing', content, name })
  }
}
