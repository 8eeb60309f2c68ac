import { randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startServerProcess } from '../support/server-process.ts'

/** A starter of Synapse, which is no part of this repository. */
const tools = resolve(import.meta.dirname, '..', '..', '..', 'shared', 'tools', 'synapse')
const missing = !existsSync(join(tools, 'start.mjs'))
if (missing) process.stderr.write(`!!! There is no Synapse starter in ${tools}: federation with a real Synapse is NOT tested.\n`)

interface SynapseTools {
  startSynapse(options: object): Promise<{
    readonly serverName: string
    readonly baseUrl: string
    registerUser(name: string): Promise<{ readonly userId: string; readonly accessToken: string }>
    stop(): Promise<void>
  }>
  testAuthority(directory: string): {
    readonly caFile: string
    issue(request: object): { readonly certFile: string; readonly keyFile: string }
  }
}

/** An address of this machine that nobody else is likely to use. */
const address = () => `127.${randomInt(64, 250)}.${randomInt(250)}.${randomInt(1, 250)}`

/** A call of the client API. */
async function call(baseUrl: string, token: string | undefined, method: string, path: string, body?: object) {
  const response = await fetch(`${baseUrl}/_matrix/client/v3${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: what matters of it is compared
  return { status: response.status, body: (await response.json()) as any }
}

/** Both servers have a user with a name, and a room with an alias. */
async function furnish(baseUrl: string, token: string, userId: string, name: string): Promise<string> {
  const field = `/profile/${encodeURIComponent(userId)}/displayname`
  expect((await call(baseUrl, token, 'PUT', field, { displayname: name })).status).toBe(200)
  const { body } = await call(baseUrl, token, 'POST', '/createRoom', { room_alias_name: 'practice', preset: 'public_chat' })
  expect(body.room_id).toMatch(/^!/)
  return body.room_id
}

// The first start on a machine installs Synapse.
test.skipIf(missing)('a real Synapse and this server ask each other for profiles and aliases', { timeout: 240_000 }, async () => {
  const load = (file: string) => import(pathToFileURL(join(tools, file)).href)
  const { startSynapse, testAuthority } = { ...(await load('start.mjs')), ...(await load('certificates.mjs')) } as SynapseTools
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-synapse-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const authority = join(directory, 'authority')
  const own = address()
  const { caFile, issue } = testAuthority(authority)
  const { certFile, keyFile } = issue({ out: join(directory, 'own'), name: own, address: own })
  const ownName = `${own}:8448`
  const [synapse, server] = await Promise.all([
    startSynapse({ dir: join(directory, 'synapse'), address: address(), literal: true, authority }),
    startServerProcess({
      HAUSBOTE_SERVER_NAME: ownName,
      HAUSBOTE_FEDERATION_LISTEN: ownName,
      HAUSBOTE_TLS_CERTIFICATE: certFile,
      HAUSBOTE_TLS_KEY: keyFile,
      HAUSBOTE_EXTRA_CA: caFile,
      HAUSBOTE_ALLOW_ADDRESSES: '127.0.0.0/8',
      HAUSBOTE_REGISTRATION: 'open',
      HAUSBOTE_LOG_LEVEL: 'info',
    }),
  ])
  onTestFinished(() => server.remove())
  onTestFinished(() => synapse.stop())

  const auth = { type: 'm.login.dummy' }
  const registered = await call(server.url, undefined, 'POST', '/register', {
    username: 'alice',
    password: 'a long password',
    auth,
  })
  const { user_id: alice, access_token: aliceToken } = registered.body
  const bob = await synapse.registerUser('bob')
  const ours = await furnish(server.url, aliceToken, alice, 'Dr. Alice Ä')
  const theirs = await furnish(synapse.baseUrl, bob.accessToken, bob.userId, 'Bob \u{1f600}')
  const aliasOf = (name: string) => `/directory/room/${encodeURIComponent(`#practice:${name}`)}`
  const profileOf = (userId: string) => `/profile/${encodeURIComponent(userId)}`

  const here = (path: string) => call(server.url, aliceToken, 'GET', path)
  const there = (path: string) => call(synapse.baseUrl, bob.accessToken, 'GET', path)
  expect((await here(profileOf(bob.userId))).body).toEqual({ displayname: 'Bob \u{1f600}' })
  expect((await here(`${profileOf(bob.userId)}/displayname`)).body).toEqual({ displayname: 'Bob \u{1f600}' })
  expect(await here(profileOf(`@nobody:${synapse.serverName}`))).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  expect((await here(aliasOf(synapse.serverName))).body).toEqual({ room_id: theirs, servers: [synapse.serverName] })

  expect((await there(profileOf(alice))).body).toMatchObject({ displayname: 'Dr. Alice Ä' })
  expect((await there(`${profileOf(alice)}/displayname`)).body).toEqual({ displayname: 'Dr. Alice Ä' })
  expect((await there(profileOf(`@nobody:${ownName}`))).status).toBe(404)
  const found = await there(aliasOf(ownName))
  expect(found.body.room_id).toBe(ours)
  expect(found.body.servers).toContain(ownName)
})
