import { createWorld, type TestServer, type World } from '../support/world.ts'

export const client = '/_matrix/client/v3'

/** Hashing passwords that costs nothing. */
export const cheap = { passwordCost: { memory: 8, iterations: 1 } }

/** A world with one server and these settings. */
export async function oneServer(settings: Readonly<Record<string, string>> = {}): Promise<{ world: World; server: TestServer }> {
  const world = await createWorld()
  return { world, server: await world.server('a.test', settings, cheap) }
}

export function passwordAuth(user: string, password = `password of ${user}`, session?: string) {
  return {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password,
    ...(session !== undefined && { session }),
  }
}
