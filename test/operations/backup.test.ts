import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { resticProblem } from '../../src/operations/backup/problems.ts'
import { createRestic } from '../../src/operations/backup/restic.ts'
import { snapshotsAt, unclaimedNames } from '../../src/operations/backup/restore.ts'
import { putInPlace, restoreUnderWay, settleRestore } from '../../src/operations/backup/restore-state.ts'
import { lastRestore } from '../../src/operations/backup/restored-database.ts'
import { savedAccess, sftpCommand, targetProblem } from '../../src/operations/backup/target.ts'
import { systemTimers } from '../../src/platform/clock.ts'
import { createWorld } from '../support/world.ts'
import {
  backedUpServer,
  environment,
  fakeTree,
  never,
  packs,
  passphrase,
  restic,
  resticIsMissing,
  resticTest,
  restoring,
  temporaryDirectory,
} from './restic-kit.ts'

test('what restic says is passed on without passwords', () => {
  const { kind, message } = resticProblem(1, 'some words\nFatal: odd answer from https://user:secret@host.example/path\n')
  expect([kind, message]).toEqual(['failed', 'restic failed: Fatal: odd answer from https://host.example/path'])
  expect(resticProblem(12, 'words of another language').kind).toBe('wrong-passphrase')
  expect(resticProblem(1, 'Fatal: wrong password or no key found').kind).toBe('wrong-passphrase')
  expect(resticProblem(null, '')).toMatchObject({ kind: 'failed', message: 'restic failed.' })
})

describe('a target', () => {
  test.each([
    ['/media/usb/hausbote', undefined],
    ['sftp:backup@nas.local:/volume/hausbote', undefined],
    ['sftp://backup@nas.local:2222//volume/hausbote', undefined],
    ['s3:https://s3.example.org/bucket/praxis', undefined],
    ['usb', /^It must be a directory/],
    ['sftp:-oProxyCommand=evil@host:/x', /^It must be sftp:/],
    ['sftp:nas', /^It must be sftp:/],
    ['/data/inside', /^A backup inside the data directory/],
    ['/data', /^A backup inside the data directory/],
    ['/somewhere\n/else', /^This is no place/],
  ])('%j', (repository, problem) => {
    const found = targetProblem({ repository, passphrase }, '/data')
    if (problem) expect(found).toMatch(problem)
    else expect(found).toBeUndefined()
  })

  test('needs a passphrase that cannot be guessed, and lets only credentials be set', () => {
    expect(targetProblem({ repository: '/usb', passphrase: 'short' }, '/data')).toContain('at least 12 characters')
    expect(targetProblem({ repository: '/usb', passphrase: 'two\nlines of it' }, '/data')).toContain('one line')
    const environment = { LD_PRELOAD: '/evil.so' }
    expect(targetProblem({ repository: '/usb', passphrase, environment }, '/data')).toBe('LD_PRELOAD cannot be set for a backup.')
  })

  test('over SFTP asks no questions', () => {
    expect(sftpCommand('sftp://backup@nas.local:2222//volume', '/data/backup')).toBe(
      'ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/data/backup/known_hosts -p 2222 backup@nas.local -s sftp',
    )
  })
})

resticTest('a snapshot is made, tested, and restored beside', async () => {
  const { server, backup, repository, target } = await backedUpServer()
  await expect(backup.run(never)).rejects.toMatchObject({ kind: 'not-set-up' })
  expect(await backup.prepare(target)).toEqual({ created: true })
  const alice = await server.register('alice')
  await alice.request('POST', '/_matrix/client/v3/createRoom', {})
  const { content_uri } = (await alice.request('POST', '/_matrix/media/v3/upload', new TextEncoder().encode('an image'))).body
  const steps = new Set<string>()
  const first = await backup.run(never, ({ step }) => steps.add(step))
  expect(first).toMatchObject({ snapshot: expect.stringMatching(/^[0-9a-f]{8,64}$/), files: 4, incomplete: false })
  expect(first.events).toBeGreaterThan(4)
  expect([...steps]).toEqual(['copy', 'check', 'store', 'tidy'])
  expect(await backup.test(never)).toMatchObject({ events: first.events, users: 1, media: true })
  expect(await backup.snapshots()).toHaveLength(1)
  // Nothing lies about, and nothing can be read by others.
  expect(readdirSync(join(server.directory, 'backup')).sort()).toEqual(['cache', 'environment.json', 'passphrase', 'repository'])
  expect(statSync(join(server.directory, 'backup/passphrase')).mode & 0o777).toBe(0o600)

  const { directory, stage } = restoring(repository)
  const report = await stage()
  expect(report).toMatchObject({ serverName: 'a.test', events: first.events, users: 1, mediaMissing: 0 })
  expect(report.skippedTo).toBeGreaterThan(server.app.storage.reader.position + 1_000_000_000 - 1)
  expect(restoreUnderWay(directory)).toBe('ready')
  expect(settleRestore(directory)).toEqual(report)
  expect(restoreUnderWay(directory)).toBeUndefined()
  expect(readdirSync(directory).sort()).toEqual(['backup', 'hausbote.db', 'hausbote.lock', 'media', 'signing.key'])
  expect(readFileSync(join(directory, 'backup/passphrase'), 'utf8')).toBe(`${passphrase}\n`)
  expect(statSync(join(directory, 'signing.key')).mode & 0o777).toBe(0o600)

  await server.restart({ HAUSBOTE_DATA_DIR: directory })
  expect(lastRestore(server.app.storage.reader)).toEqual(report)
  const download = await alice.request('GET', `/_matrix/client/v1/media/download/${content_uri.slice('mxc://'.length)}`)
  expect(new TextDecoder().decode(download.body)).toBe('an image')
})

resticTest('only one at a time, and a passphrase that others may read is refused', async () => {
  const { server, backup, target } = await backedUpServer()
  await backup.prepare(target)
  const first = backup.run(never)
  await expect(backup.run(never)).rejects.toMatchObject({ kind: 'locked' })
  await expect(backup.test(never)).rejects.toMatchObject({ kind: 'locked' })
  await first
  chmodSync(join(server.directory, 'backup/passphrase'), 0o640)
  await expect(backup.run(never)).rejects.toMatchObject({ kind: 'bad-target', message: expect.stringContaining('chmod 600') })
})

resticTest('what is wrong with the place is told apart', async () => {
  const { backup, repository, target } = await backedUpServer()
  await backup.prepare(target)
  await expect(backup.prepare({ repository, passphrase: 'another passphrase' })).rejects.toMatchObject({
    kind: 'wrong-passphrase',
  })
  await expect(backup.test(never)).rejects.toMatchObject({ kind: 'no-snapshot' })
  // Neither is kept when it failed.
  await backup.run(never)
  rmSync(repository, { recursive: true })
  // A disk that is not plugged in: nothing is begun anew on the disk below it.
  await expect(backup.run(never)).rejects.toMatchObject({ kind: 'no-repository' })
  expect(existsSync(repository)).toBe(false)
  await expect(restoring(repository).stage()).rejects.toMatchObject({ kind: 'no-repository' })
})

test('without the program it is said how to get it', async () => {
  const { server, target } = await backedUpServer()
  const { createBackup } = await import('../../src/operations/backup/backup.ts')
  const backup = createBackup({
    ...server.app,
    directory: server.directory,
    serverName: 'a.test',
    version: '1',
    clock: { now: () => 0 },
    timers: systemTimers,
    log: (await import('../../src/platform/log.ts')).silentLog,
    configured: { repository: undefined, passphraseFile: undefined },
    environment,
    program: 'restic-that-is-not-there',
  })
  await expect(backup.prepare(target)).rejects.toMatchObject({
    kind: 'no-restic',
    message: expect.stringContaining('apt install restic'),
  })
  expect(backup.target()).toBeUndefined()
})

resticTest('a stop ends restic, leaves the last snapshot, and the next run goes on', async () => {
  const { server, backup, target } = await backedUpServer()
  await backup.prepare(target)
  await backup.run(never)
  const stop = new AbortController()
  const run = backup.run(stop.signal, ({ step }) => step === 'store' && stop.abort())
  await expect(run).rejects.toThrow('The server stops.')
  expect(existsSync(join(server.directory, 'backup/staging'))).toBe(false)
  expect(await backup.test(never)).toMatchObject({ events: 0 })
  await backup.run(never)
  expect(await backup.snapshots()).not.toHaveLength(0)
})

describe('a restore refuses', () => {
  resticTest('a repository that was changed or cut', async () => {
    const { server, backup, repository, target } = await backedUpServer()
    await backup.prepare(target)
    await server.register('alice')
    await backup.run(never)
    const damaged = (name: string, damage: (whole: Buffer) => Buffer) => {
      const copy = join(temporaryDirectory(), name)
      cpSync(repository, copy, { recursive: true })
      const [largest = ''] = [...packs(copy)].sort((one, other) => statSync(other).size - statSync(one).size)
      chmodSync(largest, 0o600)
      writeFileSync(largest, damage(readFileSync(largest)))
      return restoring(copy)
    }
    const changed = damaged('changed', (whole) => whole.fill((whole[1000] ?? 0) ^ 1, 1000, 1001))
    const cut = damaged('cut', (whole) => whole.subarray(0, -500))
    // restic tries each for a while.
    await Promise.all([changed, cut].map(({ stage }) => expect(stage()).rejects.toMatchObject({ kind: 'damaged' })))
    // Nothing stays behind that would be taken for data.
    expect([changed, cut].map(({ directory }) => readdirSync(directory))).toEqual([[], []])
    expect(await backup.test(never)).toMatchObject({ users: 1 })
  })

  const intruders: readonly (readonly [string, (tree: string) => void])[] = [
    ['a file that does not belong there', (tree) => writeFileSync(join(tree, 'evil.sh'), 'x')],
    ['a file beside the media', (tree) => writeFileSync(join(tree, 'media/contents/evil'), 'x')],
    [
      'a link in the place of the key',
      (tree) => {
        rmSync(join(tree, 'signing.key'))
        symlinkSync('/etc/passwd', join(tree, 'signing.key'))
      },
    ],
    ['a link in the place of a directory', (tree) => symlinkSync('/etc', join(tree, 'media/contents/ab'))],
    ['no key', (tree) => rmSync(join(tree, 'signing.key'))],
    ['no manifest', (tree) => rmSync(join(tree, 'backup/staging/manifest.json'))],
    ['a manifest that says nothing', (tree) => writeFileSync(join(tree, 'backup/staging/manifest.json'), '{"format":1}')],
  ]
  resticTest('what no snapshot of this program holds', async () => {
    const repository = join(temporaryDirectory(), 'repository')
    restic(repository, ['init'])
    for (const [what, change] of intruders) {
      const tree = fakeTree()
      change(tree)
      restic(repository, ['backup', '--tag', 'hausbote', '--host', 'a.test', ...readdirSync(tree)], tree)
      const { directory, stage } = restoring(repository)
      await expect(stage(), what).rejects.toMatchObject({ kind: 'foreign' })
      expect(readdirSync(directory)).toEqual([])
    }
  })

  resticTest('newer formats, newer schemas, other servers and used directories', async () => {
    const { backup, repository, target } = await backedUpServer()
    await backup.prepare(target)
    await backup.run(never)
    const { stage } = restoring(repository)
    await expect(stage({ serverName: 'b.test' })).rejects.toMatchObject({
      kind: 'other-server',
      message: expect.stringContaining('a.test'),
    })
    await expect(stage({ snapshot: '123456' })).rejects.toMatchObject({ kind: 'no-snapshot' })
    const used = temporaryDirectory()
    writeFileSync(join(used, 'notes.txt'), 'mine')
    await expect(restoring(repository, used).stage()).rejects.toMatchObject({
      kind: 'not-empty',
      message: expect.stringContaining('notes.txt'),
    })
    expect(readdirSync(used)).toEqual(['notes.txt'])

    const tree = temporaryDirectory()
    restic(repository, ['restore', 'latest', '--target', tree])
    const store = () => restic(repository, ['backup', '--tag', 'hausbote', '--host', 'a.test', ...readdirSync(tree)], tree)
    const database = new Sqlite(join(tree, 'backup/staging/hausbote.db'))
    database.pragma('user_version = 99')
    database.close()
    store()
    await expect(stage()).rejects.toMatchObject({ kind: 'newer' })
    const manifest = join(tree, 'backup/staging/manifest.json')
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, 'utf8')), format: 2 }))
    store()
    await expect(stage()).rejects.toMatchObject({ kind: 'newer' })
  })
})

resticTest('an interrupted restore keeps the server from starting, begins anew, and ends once it is ready', async () => {
  const { server, backup, repository, target } = await backedUpServer()
  await backup.prepare(target)
  await server.register('alice')
  await backup.run(never)
  const { directory, stage } = restoring(repository)
  await stage()
  const state = join(directory, 'restore/state.json')
  const ready = readFileSync(state, 'utf8')
  writeFileSync(state, '{"state":"fetching","besides":false}')
  await expect(server.restart({ HAUSBOTE_DATA_DIR: directory })).rejects.toThrow(/A restore into .* was interrupted/)
  expect(readdirSync(directory).sort()).toEqual(['hausbote.lock', 'restore'])
  await stage()
  // Cut off between two of its steps: the key is in its place, the database is not.
  const { tree } = JSON.parse(readFileSync(state, 'utf8')) as { tree: string }
  expect(ready).toContain('"ready"')
  const { renameSync } = await import('node:fs')
  renameSync(join(directory, 'restore', tree, 'signing.key'), join(directory, 'signing.key'))
  expect(putInPlace(directory)?.users).toBe(1)
  await server.restart({ HAUSBOTE_DATA_DIR: directory })
  expect(server.app.administration.listUsers()).toHaveLength(1)
})

resticTest('a box that nobody has claimed is restored while its page runs, and is what it was if that is cut off', async () => {
  const { server, backup, repository, target } = await backedUpServer()
  await backup.prepare(target)
  await server.register('alice')
  await backup.run(never)
  const world = await createWorld()
  const fresh = await world.server('a.test')
  await fresh.register('bert')
  const users = () => fresh.app.administration.listUsers().map(({ userId }) => userId)
  const { stage } = restoring(repository, fresh.directory)
  await expect(stage()).rejects.toMatchObject({ kind: 'not-empty' })
  await stage({ mayReplace: unclaimedNames })
  const state = join(fresh.directory, 'restore/state.json')
  const ready = readFileSync(state, 'utf8')
  writeFileSync(state, '{"state":"fetching","besides":true}')
  await fresh.restart()
  expect(users()).toEqual(['@bert:a.test'])
  expect(existsSync(join(fresh.directory, 'restore'))).toBe(false)

  expect(ready).toContain('"ready"')
  await stage({ mayReplace: unclaimedNames })
  await fresh.restart()
  expect(users()).toEqual(['@alice:a.test'])
  const { environment, timers } = { environment: { PATH: process.env.PATH }, timers: systemTimers }
  expect(await snapshotsAt({ environment, timers }, target)).toEqual(await backup.snapshots())
  await expect(snapshotsAt({ environment, timers }, { ...target, passphrase: 'not the passphrase' })).rejects.toMatchObject({
    kind: 'wrong-passphrase',
  })
})

resticTest('restic says nothing of its secrets on its command line', async () => {
  const directory = temporaryDirectory()
  const { saveTarget } = await import('../../src/operations/backup/target.ts')
  saveTarget(directory, { repository: 'rest:https://user:secret@backup.example/', passphrase })
  const access = savedAccess(directory, environment)
  if (!access) throw new Error('nothing was saved')
  const echo = join(directory, 'echo')
  writeFileSync(echo, '#!/bin/sh\necho "{\\"words\\": \\"$*\\"}"\n', { mode: 0o700 })
  let words = ''
  await createRestic(access, systemTimers, echo)(['snapshots'], { onLine: (line) => (words = String(line.words)) })
  expect(words).toContain('snapshots')
  expect(words).not.toContain('secret')
  expect(words).not.toContain('horse')
})

const sftpServer = '/usr/lib/openssh/sftp-server'
if (!existsSync(sftpServer))
  process.stderr.write(
    `!!! There is no ${sftpServer} (Debian: apt install openssh-sftp-server): backups over SFTP are NOT tested.\n`,
  )

test.skipIf(resticIsMissing || !existsSync(sftpServer))(
  'over SFTP a snapshot is made and restored, with an ssh that asks nobody',
  { timeout: 120_000 },
  async () => {
    const bin = temporaryDirectory()
    const called = join(bin, 'called')
    // Without a server to log in to: what stands on its other side is the real thing.
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\necho "$@" >> ${called}\nexec ${sftpServer}\n`, { mode: 0o700 })
    const place = join(temporaryDirectory(), 'repository')
    const { server, backup } = await backedUpServer({ PATH: `${bin}:${process.env.PATH}` })
    await server.register('alice')
    const target = { repository: `sftp://backup@nas.example:2222/${place}`, passphrase }
    expect(await backup.prepare(target)).toEqual({ created: true })
    await backup.run(never)
    expect(await backup.test(never)).toMatchObject({ users: 1 })
    expect(existsSync(join(place, 'config'))).toBe(true)
    const words = readFileSync(called, 'utf8')
    expect(words).toContain('BatchMode=yes')
    expect(words).toContain('-p 2222 backup@nas.example -s sftp')
    expect(backup.target()).toBe(`sftp://nas.example:2222/${place}`)
  },
)
