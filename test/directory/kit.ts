import { createWorld, type TestServer, type TestUser } from '../support/world.ts'

export const v3 = '/_matrix/client/v3'

/** A server with Alice and Bob. Every reading of the clock is a millisecond later, so that no two rooms are made at once. */
export async function setUp() {
  const world = await createWorld()
  const start = world.clock.now()
  let ticks = 0
  const clock = { now: () => start + ticks++ }
  const server = await world.server('a.test', {}, { clock })
  return { server, alice: await server.register('alice'), bob: await server.register('bob') }
}

/** Makes a room; the wish as `/createRoom` takes it. */
export async function createRoom(user: TestUser, wish: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { status, body } = await user.request('POST', `${v3}/createRoom`, wish)
  if (status !== 200) throw new Error(`creating a room: ${JSON.stringify(body)}`)
  return body.room_id
}

export async function join(user: TestUser, roomId: string): Promise<void> {
  const { status, body } = await user.request('POST', `${v3}/join/${encodeURIComponent(roomId)}`, {})
  if (status !== 200) throw new Error(`joining: ${JSON.stringify(body)}`)
}

export async function setState(user: TestUser, roomId: string, type: string, content: unknown, stateKey = ''): Promise<void> {
  const path = `${v3}/rooms/${encodeURIComponent(roomId)}/state/${type}/${encodeURIComponent(stateKey)}`
  const { status, body } = await user.request('PUT', path, content)
  if (status !== 200) throw new Error(`setting ${type}: ${JSON.stringify(body)}`)
}

export const stateOf = async (user: TestUser, roomId: string, type: string) =>
  (await user.request('GET', `${v3}/rooms/${encodeURIComponent(roomId)}/state/${type}/`)).body

/** A further account that administers the server. */
export async function registerAdmin(server: TestServer, name: string): Promise<TestUser> {
  const password = `password of ${name}`
  const added = await server.app.administration.addUser({ name, password, admin: true })
  if ('refused' in added) throw new Error(added.refused)
  return server.login(name)
}
