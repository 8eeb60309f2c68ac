import { expect, it } from 'vitest'
import { recordMounted } from '../support/judged-operations.ts'
import { nameOf, operations } from '../support/operations.ts'
import { createWorld, federating } from '../support/world.ts'

/** What adds endpoints. */
const everything = {
  ...federating,
  HAUSBOTE_PUBLIC_URL: 'https://a.test',
  HAUSBOTE_FEDERATION_ADDRESS: 'a.test:443',
  HAUSBOTE_REGISTRATION_SHARED_SECRET: 'a secret',
}

it('every operation that the application does not serve answers M_UNRECOGNIZED', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', everything)
  const alice = await server.register('alice')
  const served = new Set(server.app.endpoints.map(nameOf))
  const servedPaths = new Set(server.app.endpoints.map(({ path }) => path))
  recordMounted(operations.map(nameOf).filter((name) => served.has(name)))

  const wrong: string[] = []
  for (const operation of operations) {
    // The description tells the invitation of an e-mail address from that of a user by a space behind the path: one endpoint serves both.
    if (served.has(nameOf(operation)) || served.has(nameOf(operation).trim())) continue
    const body = operation.method === 'GET' ? undefined : {}
    const ask = operation.api === 'server-server' ? server.federation : alice.request
    const { status, body: answer } = await ask(operation.method, examplePath(operation.path, alice.userId), body)
    // A path of which another method is served: 405. Source: client-server API, "Common error codes", M_UNRECOGNIZED.
    const expected = servedPaths.has(operation.path) ? 405 : 404
    if (status !== expected || answer.errcode !== 'M_UNRECOGNIZED')
      wrong.push(`${nameOf(operation)}: ${status} ${answer.errcode}`)
  }
  expect(wrong).toEqual([])
  expect(served.size).toBeGreaterThan(0)
})

function examplePath(path: string, userId: string): string {
  const examples: Readonly<Record<string, string>> = {
    userId,
    roomId: '!room:a.test',
    roomIdOrAlias: '!room:a.test',
    eventId: '$event',
  }
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(examples[name] ?? 'example'))
}
