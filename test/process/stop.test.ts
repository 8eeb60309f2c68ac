import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import type { ServerProcess } from '../support/server-process.ts'
import { serverProcess } from './kit.ts'

const client = '/_matrix/client/v3'
/** Milliseconds; far less than a long poll lasts, and than the grace for requests that do not end. */
const soon = 2_000

async function signedIn(server: ServerProcess): Promise<string> {
  await server.command(['user', 'add', 'alice', '--password-stdin'], 'a good password')
  const identifier = { type: 'm.id.user', user: 'alice' }
  const body = JSON.stringify({ type: 'm.login.password', identifier, password: 'a good password' })
  const response = await fetch(`${server.url}${client}/login`, { method: 'POST', body })
  return ((await response.json()) as { access_token: string }).access_token
}

/** Asks over connections that are kept, as clients do. */
function asking(server: ServerProcess, token: string) {
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  return async (path: string): Promise<{ status: number | undefined; body: Record<string, unknown> }> => {
    const request = get(`${server.url}${client}${path}`, { agent, headers: { authorization: `Bearer ${token}` } })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return { status: response.statusCode, body: JSON.parse((await response.toArray()).join('')) as Record<string, unknown> }
  }
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s answers long polls and ends the process in good order', async (signal) => {
  // Coming online would be news for oneself, and end the poll.
  const server = await serverProcess({ HAUSBOTE_PRESENCE: 'off' })
  const ask = asking(server, await signedIn(server))
  const { next_batch: since } = (await ask('/sync')).body
  let answered = false
  const poll = ask(`/sync?since=${since}&timeout=60000`).finally(() => {
    answered = true
  })
  // On a connection of its own; when it is answered, the poll before it has begun.
  await ask('/account/whoami')
  expect(answered).toBe(false)
  const began = performance.now()
  const ending = server.stop(signal)
  expect(await poll).toMatchObject({ status: 200, body: { next_batch: since } })
  expect(await ending).toEqual({ code: 0, signal: null })
  expect(performance.now() - began).toBeLessThan(soon)
})

test('a client that asks again and again does not hold a server that stops', async () => {
  const server = await serverProcess()
  const ask = asking(server, await signedIn(server))
  const { next_batch: since } = (await ask('/sync')).body
  const refused = (async () => {
    for (;;) {
      try {
        await ask(`/sync?since=${since}&timeout=60000`)
      } catch (error) {
        return error
      }
    }
  })()
  await ask('/account/whoami')
  const began = performance.now()
  expect(await server.stop()).toEqual({ code: 0, signal: null })
  expect(performance.now() - began).toBeLessThan(soon)
  expect(await refused).toMatchObject({ code: expect.stringMatching(/^ECONN/) })
})

test('what was killed starts again, with the session that there was', async () => {
  const server = await serverProcess()
  const token = await signedIn(server)
  expect(await server.kill()).toEqual({ code: null, signal: 'SIGKILL' })
  await server.restart()
  expect(await asking(server, token)('/account/whoami')).toMatchObject({ status: 200, body: { user_id: '@alice:localhost' } })
  expect((await server.command(['user', 'list'])).out).toMatch(/^@alice:localhost /)
})
