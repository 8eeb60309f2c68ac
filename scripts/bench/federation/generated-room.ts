import { randomUUID } from 'node:crypto'
import { toPdu } from '../../../src/matrix/format.ts'
import { withContentHash } from '../../../src/matrix/hashes.ts'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { roomVersions } from '../../../src/matrix/room-versions.ts'
import type { Signer } from '../../../src/matrix/signatures.ts'
import type { Peers } from './peers.ts'

const versionId = '11'
const version = roomVersions.get(versionId)
if (!version) throw new Error(`room version ${versionId} is not known`)

interface Event {
  readonly id: string
  readonly raw: JsonObject
}

/** A room that exists on other servers: a public one, whose maker is a user of the first of them. */
export interface GeneratedRoom {
  readonly roomId: string
  /** Answers make_join and send_join. */
  answer(path: string, body: string): string | undefined
  /** A new event of the maker that stands on others; by default on the latest. */
  next(type: string, content: JsonObject, more?: { stateKey?: string; on?: readonly Event[] }): Event
}

/** Members of all the servers in turn, each of which has signed their join. */
export function generateRoom({ signers, first }: Peers, members: number): GeneratedRoom {
  const roomId = `!${randomUUID().replaceAll('-', '')}:${first.serverName}`
  const maker = `@maker:${first.serverName}`
  const state: Event[] = []
  let depth = 0
  let latest: readonly Event[] = []

  function make(signer: Signer, sender: string, bare: JsonObject, on: readonly Event[], auth: readonly Event[]): Event {
    depth += 1
    const raw = signer.signEvent(
      withContentHash({
        ...bare,
        room_id: roomId,
        sender,
        origin_server_ts: Date.now(),
        depth,
        prev_events: on.map(({ id }) => id),
        auth_events: auth.map(({ id }) => id),
      }),
      version as NonNullable<typeof version>,
    )
    const event = { id: toPdu(raw, version as NonNullable<typeof version>).eventId, raw }
    latest = [event]
    return event
  }

  function put(
    signer: Signer,
    sender: string,
    type: string,
    stateKey: string,
    content: JsonObject,
    auth: readonly Event[],
  ): Event {
    const event = make(signer, sender, { type, state_key: stateKey, content }, latest, auth)
    state.push(event)
    return event
  }

  const create = put(first, maker, 'm.room.create', '', { room_version: versionId }, [])
  const makerJoin = put(first, maker, 'm.room.member', maker, { membership: 'join' }, [create])
  const levels = put(first, maker, 'm.room.power_levels', '', { users: { [maker]: 100 } }, [create, makerJoin])
  const rules = put(first, maker, 'm.room.join_rules', '', { join_rule: 'public' }, [create, levels, makerJoin])
  for (let index = 1; index < members; index += 1) {
    const signer = signers[index % signers.length] as Signer
    const user = `@member-${index}:${signer.serverName}`
    const content = { membership: 'join', displayname: `Member ${index}` }
    put(signer, user, 'm.room.member', user, content, [create, levels, rules])
  }
  const stateText = `[${state.map(({ raw }) => JSON.stringify(raw)).join(',')}]`
  const chainText = JSON.stringify([create, makerJoin, levels, rules].map(({ raw }) => raw))

  return {
    roomId,
    next: (type, content, { stateKey, on = latest } = {}) =>
      make(first, maker, { type, content, ...(stateKey !== undefined && { state_key: stateKey }) }, on, [
        create,
        levels,
        makerJoin,
      ]),
    answer(path, body) {
      const [, , , version, verb, room, id] = (path.split('?')[0] ?? '').split('/').map(decodeURIComponent)
      if (room !== roomId || id === undefined) return undefined
      if (verb === 'make_join') {
        const event = {
          room_id: roomId,
          type: 'm.room.member',
          sender: id,
          state_key: id,
          content: { membership: 'join' },
          depth: depth + 1,
          origin: first.serverName,
          origin_server_ts: Date.now(),
          prev_events: latest.map(({ id }) => id),
          auth_events: [create, levels, rules].map(({ id }) => id),
        }
        return JSON.stringify({ room_version: versionId, event })
      }
      if (verb !== 'send_join' || version !== 'v2') return undefined
      depth += 1
      latest = [{ id, raw: JSON.parse(body) as JsonObject }]
      return `{"origin":"${first.serverName}","members_omitted":false,"auth_chain":${chainText},"state":${stateText},"event":${body}}`
    },
  }
}
