import { badGateway, forbidden, MatrixError, notFound } from '../../http/errors.ts'
import { parseUserId, type RoomId, type ServerName, serverOf, type UserId } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Clock, Milliseconds } from '../../platform/clock.ts'
import { createQueues } from '../../platform/queues.ts'
import type { Reader } from '../../storage/handles.ts'
import { eventAt } from '../event-store.ts'
import { findRoom, memberOf, type Room } from '../members.ts'
import { isServerIn, serversIn } from '../servers.ts'
import type { Unhelpful } from './ask-membership.ts'
import { strippedStateFor } from './out-of-band.ts'
import { errorFor, type Refusal } from './refusal.ts'
import { knockThrough, leaveAlone, leaveThrough } from './remote-departure.ts'
import { candidates, joinThrough, type RemoteJoinDeps } from './remote-join.ts'

/** Memberships in rooms that this server is not in, brought about with the help of servers that are. */
export interface RemoteMembership {
  /**
   * `via`: servers that may help; the request ends with an error where none does. `alone`: the join without help, asked first where this
   * server is in the room; false: it takes the word of another server.
   */
  join(wish: RemoteWish, alone: () => Promise<boolean>): Promise<void>
  knock(wish: RemoteWish): Promise<void>
  /** Ends an invitation or a knock: here alone, if nobody else can be reached. */
  leave(room: Room, userId: UserId, content: JsonObject): Promise<void>
}

export interface RemoteWish {
  readonly userId: UserId
  readonly roomId: RoomId
  readonly content: JsonObject
  readonly via: readonly string[]
}

/** A person waits: then no further server is tried. */
const patience: Milliseconds = 90_000

export function createRemoteMembership(deps: RemoteJoinDeps & { readonly clock: Clock }): RemoteMembership {
  const { storage, builder, log, clock } = deps
  const { reader } = storage
  const own = builder.signer.serverName
  const inTurn = createQueues()

  function helpersFor({ roomId, userId, via }: RemoteWish): readonly ServerName[] {
    const room = findRoom(reader, roomId)
    const member = room && memberOf(reader, room.nid, userId)
    const inviter = member && serverOf(eventAt(reader, member.position).sender)
    // Whoever names servers wants these, and the inviter's; in a room that this server is in too, it knows better.
    const named = candidates([...via, inviter], own)
    const known = room && (named.length === 0 || isServerIn(reader, room.nid, own)) ? serversIn(reader, room.nid) : []
    if (named.length > 0) return candidates([...named, ...known], own)
    return candidates([...known, serverIn(roomId), ...(room ? serversTold(reader, room.nid, userId) : [])], own)
  }

  /** Tries one server after the other. */
  async function tryEach(wish: RemoteWish, ask: (server: ServerName) => Promise<Unhelpful | undefined>): Promise<void> {
    const servers = helpersFor(wish)
    if (servers.length === 0) {
      if (findRoom(reader, wish.roomId)) throw forbidden('Nobody can let you into this room')
      throw notFound('There is no such room here, and no server is named that may know it')
    }
    const end = clock.now() + patience
    let refusal: Refusal | undefined
    for (const server of servers) {
      const unhelpful = await ask(server)
      if (unhelpful === undefined) return
      log.info({ server, room: wish.roomId, ...unhelpful }, 'a server did not help with a membership')
      if ('refusal' in unhelpful) refusal ??= unhelpful.refusal
      if (clock.now() > end) break
    }
    if (refusal) throw errorFor(refusal)
    throw badGateway('No server of the room can be reached')
  }

  return {
    join: (wish, alone) =>
      inTurn(wish.roomId, async () => {
        const room = findRoom(reader, wish.roomId)
        if (room && isServerIn(reader, room.nid, own) && (await alone())) return
        await tryEach(wish, (server) => joinThrough(deps, server, wish.roomId, wish.userId, wish.content))
      }),
    knock: (wish) => tryEach(wish, (server) => knockThrough(deps, server, wish.roomId, wish.userId, wish.content)),
    async leave(room, userId, content) {
      try {
        const wish = { userId, roomId: room.roomId, content, via: [] }
        await tryEach(wish, (server) => leaveThrough(deps, server, room.roomId, userId, content))
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error
        await storage.write((tx) => leaveAlone(tx, builder, room, userId, content))
      }
    },
  }
}

/** The server that made a room may still be in it; ids of room version 12 do not say. */
function serverIn(roomId: RoomId): string | undefined {
  const colon = roomId.indexOf(':')
  return colon === -1 ? undefined : roomId.slice(colon + 1)
}

/** Whose people made the state that was shown to a user at the door, as after a knock. */
function serversTold(reader: Reader, nid: number, userId: UserId): readonly string[] {
  const events = JSON.parse(`[${strippedStateFor(reader, nid, userId) ?? ''}]`) as { sender: string }[]
  return events.flatMap(({ sender }) => {
    const user = parseUserId(sender)
    return user === undefined ? [] : [serverOf(user)]
  })
}
