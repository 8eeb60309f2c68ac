import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { explainStatus } from '../../src/operations/explain-status.ts'
import { tar } from '../../src/operations/tar.ts'
import { serverProcess } from '../process/kit.ts'
import { createWorld, federating } from '../support/world.ts'

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-bundle-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

/** Two practices with a room in common, and a message in it. */
async function twoPractices() {
  const world = await createWorld()
  const secret = { HAUSBOTE_REGISTRATION_SHARED_SECRET: 'the shared secret' }
  const [here, there] = [await world.server('a.test', { ...federating, ...secret }), await world.server('b.test', federating)]
  const [alice, bert] = [await here.register('alice-patientin'), await there.register('bert')]
  const room = (await alice.request('POST', '/_matrix/client/v3/createRoom', { invite: [bert.userId] })).body.room_id
  await bert.request('POST', `/_matrix/client/v3/join/${encodeURIComponent(room)}?via=a.test`, {})
  const say = (body: string) =>
    alice.request('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${body}`, {
      msgtype: 'm.text',
      body,
    })
  return { world, here, there, say, operations: here.app.operations }
}

test('the status tells what works, and what waits for a partner that cannot be reached', async () => {
  const { world, there, operations, say } = await twoPractices()
  await say('befund')
  await expect.poll(async () => (await operations.status()).partners.known).toBe(1)
  const well = await operations.status()
  expect(well).toMatchObject({
    serverName: 'a.test',
    messages: { state: 'ok', problem: null },
    partners: { state: 'ok', known: 1, unreachable: [], waitingMessages: 0, lastContact: expect.any(Number) },
    certificate: { state: 'ok', names: null },
    clock: { state: 'ok', ahead: null },
    disk: { state: expect.any(String), readOnly: false },
    backup: { state: 'warn', reason: 'not-set-up', lastSuccess: null },
    restored: null,
    failedJobs: [],
  })
  expect(JSON.parse(JSON.stringify(well))).toEqual(well)

  world.network.cut('b.test')
  await say('dringend')
  await expect
    .poll(async () => (await operations.status()).partners.unreachable)
    .toMatchObject([{ server: 'b.test', waitingMessages: 1 }])
  await world.clock.advance(2 * 3_600_000)
  const cut = await operations.status()
  expect(cut.partners).toMatchObject({ state: 'warn', waitingMessages: 1, lastContact: well.partners.lastContact })
  const lines = explainStatus(cut).join('\n')
  expect(lines).toContain('WARN  Partners: 1 known, 1 not reachable, 1 messages wait')
  expect(lines).toContain('b.test: since ')
  expect(lines).toContain('Backup: not set up; last never')

  world.network.host(
    'b.test',
    async (request) => (await there.app.federation?.fetch(request)) ?? new Response(null, { status: 502 }),
  )
  operations.tryPartner('b.test' as ServerName)
  await expect.poll(async () => (await operations.status()).partners).toMatchObject({ state: 'ok', unreachable: [] })
})

test('what a technician gets holds what is needed, and no contents, names of people or secrets', async () => {
  const { here, operations, say } = await twoPractices()
  await say('befund-von-frau-mustermann')
  await operations.jobs.run('unused states')
  const directory = temporaryDirectory()
  const file = join(directory, 'support.tar.gz')
  writeFileSync(file, await operations.supportBundle())
  expect(spawnSync('tar', ['xzf', file, '-C', directory]).status).toBe(0)
  const inside = join(directory, 'hausbote-support')
  const names = readdirSync(inside).sort()
  expect(names).toEqual([
    'jobs.json',
    'machine.json',
    'self-test.json',
    'self-test.txt',
    'settings.json',
    'sizes.json',
    'status.json',
  ])
  const all = names.map((name) => readFileSync(join(inside, name), 'utf8')).join('\n')
  const read = (name: string) => JSON.parse(readFileSync(join(inside, name), 'utf8'))
  expect(read('status.json').serverName).toBe('a.test')
  expect(read('sizes.json').rows.events).toBeGreaterThan(5)
  expect(read('settings.json')).toMatchObject({ server_name: 'a.test', registration_shared_secret: 'set', tls_key: 'not set' })
  expect(read('jobs.json').find(({ name }: { name: string }) => name === 'unused states').runs).toHaveLength(1)
  expect(readFileSync(join(inside, 'self-test.txt'), 'utf8')).toContain('Clock: ')
  const key = readFileSync(join(here.directory, 'signing.key'), 'utf8').trim().split(' ')[2] ?? ''
  expect(key).toHaveLength(43)
  for (const secret of ['the shared secret', 'patientin', 'mustermann', '@alice', key]) expect(all).not.toContain(secret)
})

test('status and self-test are there on the command line, for people and for programs', async () => {
  const server = await serverProcess({ HAUSBOTE_SERVER_NAME: 'localhost' })
  const status = await server.command(['status'])
  expect(status).toMatchObject({ code: 0, err: '' })
  expect(status.out).toMatch(/^Hausbote \S+, localhost\nok {4}Messages: are taken in and kept\n/)
  const read = JSON.parse((await server.command(['status', '--json'])).out)
  expect(read).toMatchObject({ serverName: 'localhost', messages: { state: 'ok' } })
  const checks = JSON.parse((await server.command(['doctor', '--json'])).out) as { id: string }[]
  expect(checks.map(({ id }) => id)).toEqual(expect.arrayContaining(['dns', 'clock', 'disk', 'backup']))
  const lines = (await server.command(['doctor'])).out.trimEnd().split('\n')
  expect(lines).toHaveLength(checks.length)
  expect(await server.command(['status', 'now'])).toMatchObject({
    code: 64,
    err: expect.stringContaining('Only --json is possible here.'),
  })
})

test('the archive is one that others can read', () => {
  const directory = temporaryDirectory()
  const file = join(directory, 'a.tar')
  const files = { 'x/empty': '', 'x/exact': 'a'.repeat(512), 'x/more': 'ä'.repeat(700) }
  writeFileSync(file, tar(files, new Date(Date.UTC(2026, 0, 1))))
  const listed = spawnSync('tar', ['tvf', file, '--utc'], { encoding: 'utf8' })
  expect(listed.stderr).toBe('')
  expect(listed.stdout).toMatch(/-rw------- 0\/0 +1400 2026-01-01 00:00 x\/more/)
  spawnSync('tar', ['xf', file, '-C', directory])
  for (const [name, text] of Object.entries(files)) expect(readFileSync(join(directory, name), 'utf8')).toBe(text)
  expect(() => tar({ '../../etc/passwd evil': '' }, new Date())).toThrow()
})
