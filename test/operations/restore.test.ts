import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { passphrase, resticTest, temporaryDirectory } from './restic-kit.ts'

const client = '/_matrix/client/v3'

async function call(server: ServerProcess, token: string | undefined, method: string, path: string, body?: object) {
  const response = await fetch(`${server.url}${client}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: what matters of it is compared
  return { status: response.status, body: (await response.json()) as any }
}

async function signIn(server: ServerProcess, user: string, device: string): Promise<string> {
  const login = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password: `password of ${user}`,
    device_id: device,
  }
  return (await call(server, undefined, 'POST', '/login', login)).body.access_token
}

async function practice() {
  const server = await startServerProcess({ HAUSBOTE_LOG_LEVEL: 'error', HAUSBOTE_SERVER_NAME: 'praxis.test' })
  onTestFinished(() => server.remove())
  const repository = join(temporaryDirectory(), 'repository')
  const passphraseFile = join(temporaryDirectory(), 'passphrase')
  writeFileSync(passphraseFile, `${passphrase}\n`, { mode: 0o600 })
  const access = [repository, '--passphrase-file', passphraseFile]
  /** The data directory as a disk that was replaced. */
  const loseDisk = async () => {
    await server.kill()
    rmSync(server.directory, { recursive: true })
    mkdirSync(server.directory)
  }
  return { server, repository, access, loseDisk }
}

const lines = (text: string) => text.trimEnd().split('\n')

resticTest('a practice loses its disk and goes on from the backup', async () => {
  const { server, access, loseDisk } = await practice()
  for (const name of ['alice', 'berta']) await server.command(['user', 'add', name, '--password-stdin'], `password of ${name}`)
  const alice = await signIn(server, 'alice', 'PHONE')
  const berta = await signIn(server, 'berta', 'DESK')
  const room = (await call(server, alice, 'POST', '/createRoom', { invite: ['@berta:praxis.test'], preset: 'private_chat' })).body
    .room_id
  const inRoom = `/rooms/${encodeURIComponent(room)}`
  await call(server, berta, 'POST', `${inRoom}/join`, {})
  const say = (token: string, body: string, txn: string) =>
    call(server, token, 'PUT', `${inRoom}/send/m.room.message/${txn}`, { msgtype: 'm.text', body })
  await say(alice, 'before the backup', 't1')
  const keys = {
    one_time_keys: { 'curve25519:AAAA': 'one', 'curve25519:AAAB': 'two' },
    fallback_keys: { 'signed_curve25519:FALL': { key: 'fallback', fallback: true, signatures: {} } },
  }
  expect((await call(server, alice, 'POST', '/keys/upload', keys)).body.one_time_key_counts).toMatchObject({ curve25519: 2 })

  // While it serves, from the command line.
  expect(await server.command(['backup'])).toMatchObject({
    code: 1,
    err: 'No backup is set up: nobody said where it should go.\n',
  })
  expect(await server.command(['backup', 'target', ...access])).toMatchObject({ code: 0, out: 'A new backup was begun there.\n' })
  expect(await server.command(['backup'])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Snapshot [0-9a-f]{8} is made: \d+ events, 3 files, /),
  })
  expect(await server.command(['backup', 'test'])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Snapshot [0-9a-f]{8} of \S+ would do: 2 accounts, /),
  })
  expect(lines((await server.command(['backup', 'list'])).out)).toEqual([expect.stringMatching(/^[0-9a-f]{8} {2}\d{4}-/)])

  // What happens after the snapshot is lost, but must not come again with another meaning.
  await say(alice, 'after the backup', 't2')
  const late = await signIn(server, 'alice', 'LATE')
  const since = (await call(server, alice, 'GET', '/sync')).body.next_batch
  const filter = { room: { timeline: { limit: 1 } } }
  const filterId = (await call(server, alice, 'POST', '/user/@alice:praxis.test/filter', filter)).body.filter_id
  expect((await server.command(['restore', ...access])).err).toContain('Another Hausbote process uses the data directory')
  await loseDisk()

  const restored = await server.command(['restore', ...access])
  expect(restored).toMatchObject({ code: 0, err: '' })
  expect(restored.out).toContain('praxis.test is restored as it was at ')
  expect(restored.out).toContain('2 one-time keys were dropped')
  expect(restored.out).not.toContain('files of messages are missing')
  await server.restart()

  // Who was signed in then, is; who signed in later is told so in a way that clients understand.
  expect((await call(server, late, 'GET', '/account/whoami')).body.errcode).toBe('M_UNKNOWN_TOKEN')
  const messages = (await call(server, berta, 'GET', `${inRoom}/messages?dir=b&limit=50`)).body.chunk
  expect(messages.map(({ content }: { content: { body?: string } }) => content.body)).toContain('before the backup')
  const again = await signIn(server, 'alice', 'PHONE2')
  const sent = await say(again, 'after the restore', 't2')
  expect(sent.status).toBe(200)

  // A sync that goes on where it was before the loss gets what is new, and exactly that.
  const next = (await call(server, alice, 'GET', `/sync?since=${since}`)).body
  const timeline = next.rooms.join[room].timeline.events
  expect(timeline.map(({ content }: { content: { body?: string } }) => content.body)).toEqual(['after the restore'])
  expect(Number(next.next_batch.slice(1))).toBeGreaterThan(Number(since.slice(1)) + 1_000_000)
  expect(next.device_one_time_keys_count.curve25519 ?? 0).toBe(0)
  expect(next.device_unused_fallback_key_types).toEqual(['signed_curve25519'])
  const claim = { one_time_keys: { '@alice:praxis.test': { PHONE: 'curve25519' } } }
  expect((await call(server, berta, 'POST', '/keys/claim', claim)).body.one_time_keys).toEqual({})
  const other = (await call(server, alice, 'POST', '/user/@alice:praxis.test/filter', { room: { timeline: { limit: 2 } } })).body
    .filter_id
  expect(other).not.toBe(filterId)
  // The backup goes on where it was.
  expect((await server.command(['backup'])).code).toBe(0)
  expect(lines((await server.command(['backup', 'list'])).out)).toHaveLength(2)
})

resticTest('killed in the middle of a backup and of a restore, the last snapshot is good', async () => {
  const { server, access, loseDisk } = await practice()
  await server.command(['user', 'add', 'alice', '--password-stdin'], 'password of alice')
  await server.command(['backup', 'target', ...access])
  expect((await server.command(['backup'])).code).toBe(0)
  const under = server.command(['backup'])
  await expect.poll(() => readdirSync(join(server.directory, 'backup')), { timeout: 20_000, interval: 5 }).toContain('staging')
  await server.kill()
  expect((await under).code).not.toBe(0)
  await server.restart()
  // Nothing in its way: neither what it left behind nor a lock in the repository.
  expect(await server.command(['backup', 'test'])).toMatchObject({ code: 0 })
  expect(await server.command(['backup'])).toMatchObject({ code: 0 })

  await loseDisk()
  const { spawn } = await import('node:child_process')
  const restoring = spawn(process.execPath, ['src/cli.ts', 'restore', ...access], {
    env: { PATH: process.env.PATH, HAUSBOTE_DATA_DIR: server.directory, HAUSBOTE_SERVER_NAME: 'praxis.test' },
  })
  const ended = new Promise((resolve) => restoring.on('close', resolve))
  await expect.poll(() => readdirSync(server.directory), { timeout: 20_000, interval: 5 }).toContain('restore')
  await expect
    .poll(() => readdirSync(join(server.directory, 'restore')), { timeout: 20_000, interval: 5 })
    .toContainEqual(expect.stringMatching(/^tree-/))
  restoring.kill('SIGKILL')
  await ended
  await expect(server.restart()).rejects.toThrow('Begin it again')
  expect(await server.command(['restore', ...access])).toMatchObject({ code: 0 })
  await server.restart()
  expect(await signIn(server, 'alice', 'PHONE')).toEqual(expect.any(String))
})
