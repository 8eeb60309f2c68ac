import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createControlSocket } from '../../src/accounts/control.ts'
import { writeOldKeys } from '../../src/federation/key-files.ts'
import { loadOwnKeys } from '../../src/federation/own-keys.ts'
import { checkReceived } from '../../src/matrix/receipt.ts'
import { silentLog } from '../../src/platform/log.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld, federating, type TestServer } from '../support/world.ts'
import { eventOf, name, v10 } from './key-kit.ts'
import { askAs, profileOf } from './kit.ts'

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-keys-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const load = (directory: string, seed = 'keys') => loadOwnKeys(directory, name('a.test'), seededRandom(seed))

describe('the key files', () => {
  test('keep each old key until when it signed, and are for their owner only', () => {
    const directory = temporary()
    const keys = load(directory)
    const first = { keyId: keys.signer.keyId, publicKey: keys.signer.publicKey }
    expect(keys.old()).toEqual([])
    const { keyId, before } = keys.rotate(1000)
    expect(before).toBe(first.keyId)
    expect(keys.signer.keyId).toBe(keyId)
    const second = { keyId, publicKey: keys.signer.publicKey }
    expect(second.publicKey).not.toBe(first.publicKey)
    keys.rotate(2000)
    const again = load(directory, 'other')
    for (const one of [keys, again]) {
      expect(one.old()).toEqual([
        { ...second, expired: 2000 },
        { ...first, expired: 1000 },
      ])
      expect(one.find(first.keyId)).toMatchObject({ key: { publicKey: first.publicKey }, validUntilTs: 1000 })
      expect(one.find('ed25519:none')).toBeUndefined()
    }
    expect(again.signer.publicKey).toBe(keys.signer.publicKey)
    expect(readdirSync(directory).sort()).toEqual(['old-signing.keys', 'signing.key'])
    for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(directory, 'old-signing.keys'), 'utf8')).not.toContain('undefined')
  })

  test('hold what is needed after each step at which a change can be cut off', () => {
    const directory = temporary()
    const keys = load(directory)
    const { keyId, publicKey } = keys.signer
    const early = eventOf(keys.signer, 500)
    const holds = () => {
      const now = load(directory)
      // Whatever signs now is no old key, and what was signed stays valid.
      expect(now.old().map((one) => one.keyId)).not.toContain(now.signer.keyId)
      expect(checkReceived(early, v10, (_, id) => now.find(id)).verdict).toBe('use')
      return now
    }
    writeFileSync(join(directory, 'old-signing.keys.new'), 'ed25519 half', { mode: 0o644 })
    expect(holds().signer.keyId).toBe(keyId)
    writeOldKeys(directory, [{ keyId, publicKey, expired: 1000 }])
    expect(statSync(join(directory, 'old-signing.keys')).mode & 0o777).toBe(0o600)
    expect(holds().signer.keyId).toBe(keyId)
    writeFileSync(join(directory, 'signing.key.new'), 'ed25519 a_half', { mode: 0o644 })
    const survivor = holds()
    // Signed after the change that was cut off; the next one must not declare it invalid.
    const late = eventOf(survivor.signer, 1500)
    survivor.rotate(2000)
    const after = holds()
    expect(after.signer.keyId).not.toBe(keyId)
    expect(after.old()).toEqual([{ keyId, publicKey, expired: 2000 }])
    expect(checkReceived(late, v10, (_, id) => after.find(id)).verdict).toBe('use')
    expect(readdirSync(directory).sort()).toEqual(['old-signing.keys', 'signing.key'])
    expect(statSync(join(directory, 'signing.key')).mode & 0o777).toBe(0o600)
  })

  test.each(['old-signing.keys', 'signing.key'])('hold what is needed when %s cannot be written', (file) => {
    const directory = temporary()
    const keys = load(directory)
    const { keyId } = keys.signer
    const text = readFileSync(join(directory, 'signing.key'), 'utf8')
    mkdirSync(join(directory, `${file}.new`))
    expect(() => keys.rotate(1000)).toThrow()
    // No key signs of which the list does not know the one before.
    expect(readFileSync(join(directory, 'signing.key'), 'utf8')).toBe(text)
    for (const one of [keys, load(directory)]) expect([one.signer.keyId, one.old()]).toEqual([keyId, []])
    rmSync(join(directory, `${file}.new`), { recursive: true })
    expect(keys.rotate(2000).before).toBe(keyId)
    expect(load(directory).old()).toMatchObject([{ keyId, expired: 2000 }])
  })

  test('change nothing if they cannot be written', () => {
    const directory = temporary()
    const keys = load(directory)
    const { keyId } = keys.signer
    rmSync(directory, { recursive: true })
    expect(() => keys.rotate(1000)).toThrow(/ENOENT/)
    expect(keys.signer.keyId).toBe(keyId)
    expect(keys.old()).toEqual([])
  })

  test.each(['', 'ed25519 a_1', 'ed25519 a_1 short', `rsa a_1 ${'A'.repeat(43)}`, `ed25519 a-1 ${'A'.repeat(43)}`])(
    'are not replaced when they are broken: %s',
    (text) => {
      const directory = temporary()
      writeFileSync(join(directory, 'signing.key'), text)
      expect(() => load(directory)).toThrow(/signing\.key.*Restore it/)
      expect(readFileSync(join(directory, 'signing.key'), 'utf8')).toBe(text)
    },
  )

  test('are named with the line when the list of old keys is broken', () => {
    const directory = temporary()
    load(directory).rotate(1000)
    const file = join(directory, 'old-signing.keys')
    writeFileSync(file, `${readFileSync(file, 'utf8')}ed25519 a_1\n`)
    expect(() => load(directory)).toThrow(/old-signing\.keys, line 2/)
  })
})

describe('a running server', () => {
  const rotate = (server: TestServer) => server.app.operations.carryOut('{"command":"key rotate"}')

  test('signs with the new key at once, publishes the old one, and others go on understanding it', async () => {
    const world = await createWorld()
    const [a, b] = [await world.server('a.test', federating), await world.server('b.test', federating)]
    const bob = await b.register('bob')
    const alice = await a.register('alice')
    const profile = `/_matrix/client/v3/profile/${encodeURIComponent(bob.userId)}`
    expect((await alice.request('GET', profile)).status).toBe(200)
    const before = (await a.federation('GET', '/_matrix/key/v2/server')).body
    const [oldId = ''] = Object.keys(before.verify_keys)

    await world.clock.advance(60_000)
    const changed = world.clock.now()
    expect(await rotate(a)).toMatchObject({ before: oldId })
    const check = async () => {
      const keys = (await a.federation('GET', '/_matrix/key/v2/server')).body
      expect(Object.keys(keys.verify_keys)).not.toEqual([oldId])
      expect(keys.old_verify_keys).toEqual({ [oldId]: { ...before.verify_keys[oldId], expired_ts: changed } })
    }
    await check()
    // The other server fetches the key that it does not know.
    const room = await alice.request('POST', '/_matrix/client/v3/createRoom', { room_version: '10', invite: [bob.userId] })
    expect(room.status).toBe(200)
    expect(world.network.asked.filter((what) => what === 'a.test/_matrix/key/v2/server')).toHaveLength(2)
    await a.restart()
    await check()
  })

  test('accepts no request with the old key from others that know of the change', async () => {
    const world = await createWorld()
    const [a, b] = [await world.server('a.test', federating), await world.server('b.test', federating)]
    const alice = await a.register('alice')
    const old = loadOwnKeys(b.directory, name('b.test'), seededRandom('none')).signer
    expect((await askAs(old, a, 'GET', profileOf(alice.userId))).status).toBe(200)
    await world.clock.advance(60_000)
    await rotate(b)
    const present = loadOwnKeys(b.directory, name('b.test'), seededRandom('none')).signer
    expect((await askAs(present, a, 'GET', profileOf(alice.userId))).status).toBe(200)
    expect((await askAs(old, a, 'GET', profileOf(alice.userId))).status).toBe(401)
  })

  test('does it when the command line asks', async () => {
    const world = await createWorld()
    const server = await world.server('a.test', federating)
    const control = await createControlSocket(
      server.directory,
      server.app.administration,
      silentLog,
      server.app.operations.carryOut,
    )
    onTestFinished(() => control.close())
    const [oldId = ''] = Object.keys((await server.federation('GET', '/_matrix/key/v2/server')).body.verify_keys)
    const { code, out } = await cli(server, ['key', 'rotate'])
    const keys = (await server.federation('GET', '/_matrix/key/v2/server')).body
    const [newId = ''] = Object.keys(keys.verify_keys)
    expect(newId).not.toBe(oldId)
    expect(Object.keys(keys.old_verify_keys)).toEqual([oldId])
    expect(out).toContain(`signs with ${newId} now, and no longer with ${oldId}`)
    expect(code).toBe(0)
  })

  test('is not needed for it', async () => {
    const directory = temporary()
    const { code, out } = await cli({ directory, name: 'a.test' }, ['key', 'rotate'])
    expect([code, out]).toEqual([0, expect.stringContaining('signs with ed25519:a_')])
    expect(load(directory).old()).toHaveLength(1)
    expect((await cli({ directory, name: 'a.test' }, ['key', 'rotate', 'now'])).code).toBe(64)
    expect(load(directory).old()).toHaveLength(1)
  })
})

/** The real command in a process of its own. */
async function cli(server: { readonly directory: string; readonly name: string }, words: readonly string[]) {
  const child = spawn(process.execPath, ['src/cli.ts', ...words], {
    env: { PATH: process.env.PATH, HAUSBOTE_DATA_DIR: server.directory, HAUSBOTE_SERVER_NAME: server.name },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let out = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out }
}
