import { expect } from 'vitest'
import { toPdu } from '../../src/matrix/format.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { of, versionNamed } from '../rooms/serving-kit.ts'
import type { TestResponse, TestUser, World } from '../support/world.ts'
import { type Evil, type Foothold, type Made, maker, referencesTo, seal, v1, v2 } from './kit.ts'

/** What a join of somebody of a real server is answered with; each can be changed before it is sent. */
export interface Answers {
  template: JsonObject
  state: JsonObject[]
  chain: JsonObject[]
  /** Whatever else stands in the answer to send_join. */
  more: JsonObject
}

/** A room that exists on a hostile server alone: made, with power, open to all. */
export function evilRoom(world: World, evil: Evil, version = '11'): Foothold {
  const room = versionNamed(version)
  const state = new Map<string, Made>()
  const roomId = `!den:${evil.name}`
  const bareCreate = {
    type: 'm.room.create',
    state_key: '',
    sender: evil.userId,
    room_id: roomId,
    content: { room_version: version, ...(!room.auth.implicitCreator && { creator: evil.userId }) },
    origin_server_ts: world.clock.now(),
    auth_events: [],
    prev_events: [],
    depth: 1,
  }
  const create = seal(evil.signer, room, bareCreate)
  state.set('m.room.create|', create)
  const { event, stand } = maker(world, evil, room, roomId, state, create)
  const put = (type: string, state_key: string, content: JsonObject) => {
    const made = event({ type, state_key, content })
    state.set(`${type}|${state_key}`, made)
    return made
  }
  const joined = put('m.room.member', evil.userId, { membership: 'join' })
  put('m.room.power_levels', '', { users: { [evil.userId]: 100 }, users_default: 0 })
  put('m.room.join_rules', '', { join_rule: 'public' })
  put('m.room.history_visibility', '', { history_visibility: 'shared' })
  return { roomId, version: room, joined, state, event, stand }
}

/** Has a hostile server answer make_join and send_join for its room, in the way that `change` makes of the right one. */
export function opens(evil: Evil, hold: Foothold, change: (answers: Answers, userId: string) => void = () => undefined): void {
  const cited = (types: readonly string[]) => types.flatMap((key) => hold.state.get(key) ?? [])
  const answersFor = (userId: string): Answers => {
    const last = [...hold.state.values()].at(-1)!
    const answers: Answers = {
      template: {
        type: 'm.room.member',
        sender: userId,
        state_key: userId,
        room_id: hold.roomId,
        content: { membership: 'join' },
        auth_events: referencesTo(hold.version, cited(['m.room.create|', 'm.room.power_levels|', 'm.room.join_rules|'])),
        prev_events: referencesTo(hold.version, [last]),
        depth: Number(last.raw.depth) + 1,
      },
      state: [...hold.state.values()].map(({ raw }) => raw),
      chain: [...hold.state.values()].map(({ raw }) => raw),
      more: {},
    }
    change(answers, userId)
    return answers
  }
  evil.answers(`${v1}/make_join/`, (url) => {
    const userId = decodeURIComponent(url.pathname.split('/').at(-1) ?? '')
    return { room_version: hold.version.id, event: answersFor(userId).template }
  })
  evil.answers(`${v2}/send_join/`, async (_, request) => {
    const event = (await request.json()) as JsonObject
    hold.stand({ id: idOf(event, hold), raw: event })
    const { state, chain, more } = answersFor(String(event.state_key))
    return { origin: evil.name, state, auth_chain: chain, event, ...more }
  })
}

export const joinIt = (user: TestUser, roomId: string, server: string): Promise<TestResponse> =>
  user.request('POST', `/_matrix/client/v3/join/${of(roomId)}?via=${server}`, {})

/** A room of the hostile server that somebody of a real one has joined. */
export async function madeByEvil(world: World, evil: Evil, user: TestUser, version = '11'): Promise<Foothold> {
  const hold = evilRoom(world, evil, version)
  opens(evil, hold)
  const joined = await joinIt(user, hold.roomId, evil.name)
  expect(joined.status, JSON.stringify(joined.body)).toBe(200)
  await world.settled()
  return hold
}

const idOf = (raw: JsonObject, hold: Foothold): string => toPdu(raw, hold.version).eventId
