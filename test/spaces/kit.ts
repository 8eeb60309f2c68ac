import { expect } from 'vitest'
import { createWorld, federating, type TestResponse, type TestUser } from '../support/world.ts'

export const v3 = '/_matrix/client/v3'

export interface RoomWish {
  readonly space?: boolean
  readonly preset?: 'public_chat' | 'private_chat'
  readonly readable?: boolean
  readonly version?: string
  /** Rooms whose members may enter. */
  readonly openedBy?: readonly string[]
  readonly joinRule?: string
}

/** A public room without a special history, unless the wish says otherwise. */
export async function createRoom(user: TestUser, name: string, wish: RoomWish = {}): Promise<string> {
  const state: object[] = []
  const event = (type: string, content: object) => state.push({ type, state_key: '', content })
  if (wish.readable) event('m.room.history_visibility', { history_visibility: 'world_readable' })
  const allow = wish.openedBy?.map((room_id) => ({ type: 'm.room_membership', room_id }))
  if (allow) event('m.room.join_rules', { join_rule: wish.joinRule ?? 'restricted', allow })
  else if (wish.joinRule) event('m.room.join_rules', { join_rule: wish.joinRule })
  const { status, body } = await user.request('POST', `${v3}/createRoom`, {
    name,
    preset: wish.preset ?? 'public_chat',
    initial_state: state,
    ...(wish.version && { room_version: wish.version }),
    ...(wish.space && { creation_content: { type: 'm.space' } }),
  })
  expect(status).toBe(200)
  return body.room_id
}

export async function link(user: TestUser, space: string, child: string, content: object = {}): Promise<void> {
  const path = `${v3}/rooms/${encodeURIComponent(space)}/state/m.space.child/${encodeURIComponent(child)}`
  const { status } = await user.request('PUT', path, { via: [user.userId.split(':')[1]], ...content })
  expect(status).toBe(200)
}

export async function join(user: TestUser, roomId: string, via?: string): Promise<void> {
  const query = via === undefined ? '' : `?via=${via}`
  expect((await user.request('POST', `${v3}/join/${encodeURIComponent(roomId)}${query}`, {})).status).toBe(200)
}

export async function invite(user: TestUser, roomId: string, other: string): Promise<void> {
  const path = `${v3}/rooms/${encodeURIComponent(roomId)}/invite`
  expect((await user.request('POST', path, { user_id: other })).status).toBe(200)
}

export const hierarchy = (user: TestUser, roomId: string, query = ''): Promise<TestResponse> =>
  user.request('GET', `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/hierarchy${query && `?${query}`}`)

export async function namesIn(user: TestUser, roomId: string, query = ''): Promise<readonly string[]> {
  const { status, body } = await hierarchy(user, roomId, query)
  expect(status).toBe(200)
  return body.rooms.map(({ name }: { name: string }) => name)
}

export async function twoServers() {
  const world = await createWorld()
  const [a, b] = [await world.server('a.test', federating), await world.server('b.test', federating)]
  return { world, a, b, alice: await a.register('alice'), bob: await b.register('bob') }
}
