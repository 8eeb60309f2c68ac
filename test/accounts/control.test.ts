import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { askServer, createControlSocket } from '../../src/accounts/control.ts'
import { silentLog } from '../../src/platform/log.ts'
import type { TestServer } from '../support/world.ts'
import { client, oneServer } from './cheap-world.ts'

async function listening(settings: Readonly<Record<string, string>> = {}) {
  const { server } = await oneServer(settings)
  const socket = await createControlSocket(server.directory, server.app.administration, silentLog)
  onTestFinished(() => socket.close())
  return server
}

/** The real command in a process of its own. */
function cli(
  server: { readonly directory: string; readonly name: string },
  words: readonly string[],
  input = '',
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['src/cli.ts', ...words], {
    env: { PATH: process.env.PATH, HAUSBOTE_DATA_DIR: server.directory, HAUSBOTE_SERVER_NAME: server.name },
  })
  child.stdin.end(input)
  let out = ''
  let err = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  child.stderr.on('data', (text) => {
    err += text
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })))
}

const login = (server: TestServer, user: string, password: string) =>
  server.request('POST', `${client}/login`, { type: 'm.login.password', user, password })

test('while the server runs, its owner makes accounts from the command line', async () => {
  const server = await listening()
  const made = await cli(server, ['user', 'add', 'alice', '--admin'])
  expect(made).toMatchObject({ code: 0, err: '' })
  const [, password = ''] = /Password \(shown only this once\): (\w{20})\n/.exec(made.out) ?? []
  expect((await login(server, 'alice', password)).status).toBe(200)
  expect((await cli(server, ['user', 'add', 'berta', '--password-stdin'], 'a good password\n')).out).toBe(
    '@berta:a.test has an account now.\n',
  )
  expect((await login(server, 'berta', 'a good password')).status).toBe(200)
  const listed = await cli(server, ['user', 'list'])
  expect(listed.out).toMatch(/^@alice:a\.test {2}since \S+ {2}administrator\n@berta:a\.test {2}since \S+\n$/)
})

test('a new password signs the user out everywhere, in the running server too', async () => {
  const server = await listening()
  const alice = await server.register('alice')
  expect((await alice.request('GET', `${client}/account/whoami`)).status).toBe(200)
  expect((await cli(server, ['user', 'password', 'alice', '--password-stdin'], 'another password')).code).toBe(0)
  expect((await alice.request('GET', `${client}/account/whoami`)).status).toBe(401)
  expect((await login(server, 'alice', 'another password')).status).toBe(200)
})

test('a token from the command line lets people register', async () => {
  const server = await listening({ HAUSBOTE_REGISTRATION: 'token' })
  const { code, out } = await cli(server, ['token', 'add', '--uses', '1', '--expires', '7d'])
  expect(code).toBe(0)
  const [, token] = /: (\w{24})\n/.exec(out) ?? []
  const wish = { username: 'alice', password: 'a password', auth: { type: 'm.login.registration_token', token } }
  expect((await server.request('POST', `${client}/register`, wish)).status).toBe(200)
})

test('refusals are said and end with an exit code', async () => {
  const server = await listening()
  await server.register('alice')
  expect(await cli(server, ['user', 'add', 'alice'])).toMatchObject({ code: 1, err: 'There is a user @alice:a.test already.\n' })
  expect(await cli(server, ['user', 'add', 'a b'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('"a b" cannot be a user name'),
  })
  expect(await cli(server, ['user', 'add', '@eve:b.test'])).toMatchObject({ code: 1 })
  expect(await cli(server, ['user', 'add', 'berta', '--password-stdin'], 'short')).toMatchObject({
    code: 1,
    err: 'password: needs at least 8 characters\n',
  })
  expect(await cli(server, ['user', 'password', 'nobody'])).toMatchObject({ code: 1, err: 'There is no user "nobody".\n' })
  expect(server.app.administration.listUsers()).toHaveLength(1)
})

test.each([
  [[]],
  [['user']],
  [['user', 'add']],
  [['user', 'list', 'alice']],
  [['user', 'add', 'alice', '--uses', '3']],
  [['user', 'add', 'alice', '--unknown']],
  [['token', 'add', '--uses', '0']],
  [['token', 'add', '--expires', 'soon']],
])('%j is answered with the usage', async (words) => {
  const { server } = await oneServer()
  const { code, err } = await cli(server, words)
  expect(code).toBe(64)
  expect(err).toContain('Usage: npm run hausbote')
})

test('without a running server the command does the work itself', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const here = { directory, name: 'a.test' }
  expect(await cli(here, ['user', 'list'])).toEqual({ code: 0, out: 'There are no accounts yet.\n', err: '' })
  expect((await cli(here, ['user', 'add', 'alice', '--password-stdin'], 'a good password')).code).toBe(0)
  const { server } = await oneServer({ HAUSBOTE_DATA_DIR: directory })
  expect((await login(server, 'alice', 'a good password')).status).toBe(200)
})

test('a server that does not listen is named as the reason', async () => {
  const { server } = await oneServer()
  const { code, err } = await cli(server, ['user', 'add', 'alice'])
  expect(code).toBe(1)
  expect(err).toContain(`uses the data directory ${server.directory}`)
})

test('only the owner of the data may use the socket, and one left behind is replaced', async () => {
  const { server } = await oneServer()
  const file = join(server.directory, 'control.sock')
  writeFileSync(file, '')
  chmodSync(file, 0o644)
  const socket = await createControlSocket(server.directory, server.app.administration, silentLog)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  await socket.close()
  expect(existsSync(file)).toBe(false)
  expect(await askServer(server.directory, { command: 'user list' })).toBeUndefined()
})

test.each(['nonsense', '{"command":"user remove"}', '{"command":"user add","name":"x","password":7,"admin":true}', '[]'])(
  'the server refuses %s',
  async (line) => {
    const server = await listening()
    expect(JSON.parse(await send(server, `${line}\n`))).toEqual({
      refused: expect.stringContaining('does not know this command'),
    })
  },
)

test('the server hangs up on lines without end', async () => {
  const server = await listening()
  expect(await send(server, 'x'.repeat(100_000))).toBe('')
})

function send(server: TestServer, text: string): Promise<string> {
  const socket = createConnection(join(server.directory, 'control.sock'))
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.write(text)
  return new Promise((resolve) => {
    socket.on('error', () => resolve(answer))
    socket.on('close', () => resolve(answer))
  })
}
