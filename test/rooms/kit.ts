import { expect } from 'vitest'
import { createWorld, type TestResponse, type TestServer, type TestUser, type World } from '../support/world.ts'

export const v3 = '/_matrix/client/v3'

export interface Cast {
  readonly world: World
  readonly server: TestServer
  readonly alice: TestUser
  readonly bob: TestUser
  readonly carol: TestUser
}

/** A server with three people; hashing their passwords costs nothing. */
export async function cast(settings: Readonly<Record<string, string>> = {}): Promise<Cast> {
  const world = await createWorld()
  const server = await world.server('a.test', settings, { passwordCost: { memory: 8, iterations: 1 } })
  return {
    world,
    server,
    alice: await server.register('alice'),
    bob: await server.register('bob'),
    carol: await server.register('carol'),
  }
}

/** The body of a successful answer. */
// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
export async function ok(user: TestUser, method: string, path: string, body?: unknown): Promise<any> {
  const answer = await user.request(method, path, body)
  expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBe(200)
  return answer.body
}

/** Status and error code of a refused request. */
export async function refused(user: TestUser, method: string, path: string, body?: unknown): Promise<[number, string]> {
  const answer = await user.request(method, path, body)
  return [answer.status, answer.body.errcode]
}

export async function createRoom(user: TestUser, wish: object = { preset: 'public_chat' }): Promise<string> {
  return (await ok(user, 'POST', `${v3}/createRoom`, wish)).room_id
}

export const join = (user: TestUser, roomId: string) => ok(user, 'POST', `${v3}/join/${encodeURIComponent(roomId)}`, {})
export const leave = (user: TestUser, roomId: string) => ok(user, 'POST', `${v3}/rooms/${roomId}/leave`, {})
export const act = (user: TestUser, verb: string, roomId: string, target: TestUser): Promise<TestResponse> =>
  user.request('POST', `${v3}/rooms/${roomId}/${verb}`, { user_id: target.userId })

let transaction = 0

/** Sends a text; the event's id. */
export async function say(user: TestUser, roomId: string, body: string, more: object = {}): Promise<string> {
  transaction += 1
  const path = `${v3}/rooms/${roomId}/send/m.room.message/t${transaction}`
  return (await ok(user, 'PUT', path, { msgtype: 'm.text', body, ...more })).event_id
}

export async function setState(user: TestUser, roomId: string, type: string, content: object, stateKey = ''): Promise<string> {
  return (await ok(user, 'PUT', `${v3}/rooms/${roomId}/state/${type}/${encodeURIComponent(stateKey)}`, content)).event_id
}

export const stateOf = (user: TestUser, roomId: string, type: string, stateKey = '') =>
  ok(user, 'GET', `${v3}/rooms/${roomId}/state/${type}/${encodeURIComponent(stateKey)}`)

export async function membershipOf(user: TestUser, roomId: string, of: TestUser): Promise<string> {
  return (await stateOf(user, roomId, 'm.room.member', of.userId)).membership
}

export interface RoomEvent {
  readonly event_id: string
  readonly type: string
  readonly sender: string
  readonly state_key?: string
  readonly room_id?: string
  readonly redacts?: string
  // biome-ignore lint/suspicious/noExplicitAny: contents of many shapes
  readonly content: any
  // biome-ignore lint/suspicious/noExplicitAny: what servers add
  readonly unsigned?: any
}

/** Bodies of messages; types of other events. */
export const bodies = (events: readonly RoomEvent[]): string[] => events.map((event) => event.content.body ?? event.type)

/** All that `/messages` shows to a user, oldest first. */
export async function history(user: TestUser, roomId: string, more = ''): Promise<RoomEvent[]> {
  const found: RoomEvent[] = []
  for (let from: string | undefined = ''; from !== undefined; ) {
    const page: { chunk: RoomEvent[]; end?: string } = await ok(
      user,
      'GET',
      `${v3}/rooms/${roomId}/messages?dir=b&limit=50${more}${from === '' ? '' : `&from=${from}`}`,
    )
    found.push(...page.chunk)
    from = page.end
  }
  return found.reverse()
}

/** The bodies of the messages that a user can see. */
export async function seen(user: TestUser, roomId: string): Promise<string[]> {
  return (await history(user, roomId)).flatMap((event) => (event.type === 'm.room.message' ? [event.content.body] : []))
}

/** A filter as a query parameter. */
export const filterOf = (filter: object) => `&filter=${encodeURIComponent(JSON.stringify(filter))}`
