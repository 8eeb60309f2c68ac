import { expect, test } from 'vitest'
import { keyBackupEndpoints } from '../../src/key-backup/endpoints.ts'
import { forgetBackups } from '../../src/key-backup/versions.ts'
import { createKit, type TestDevice } from '../keys/kit.ts'

const base = '/_matrix/client/v3/room_keys'
const room = '!room:a.test'
const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'

const createBackupKit = () => createKit({ endpoints: (storage) => keyBackupEndpoints({ storage }), streams: [] })

function key(isVerified = false, firstMessageIndex = 10, forwardedCount = 5, mark = 'x') {
  return {
    first_message_index: firstMessageIndex,
    forwarded_count: forwardedCount,
    is_verified: isVerified,
    session_data: { ciphertext: mark },
  }
}

async function newVersion(user: TestDevice): Promise<string> {
  const { status, body } = await user.request('POST', `${base}/version`, { algorithm, auth_data: { public_key: 'k' } })
  expect(status).toBe(200)
  return body.version
}

test('backups are made, described, changed and deleted', async () => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  expect((await alice.request('GET', `${base}/version`)).body).toMatchObject({ errcode: 'M_NOT_FOUND' })
  const first = await newVersion(alice)
  const second = await newVersion(alice)
  expect([first, second]).toEqual(['1', '2'])
  const described = { algorithm, auth_data: { public_key: 'k' }, count: 0, etag: '0' }
  expect((await alice.request('GET', `${base}/version`)).body).toEqual({ ...described, version: second })
  expect((await alice.request('GET', `${base}/version/${first}`)).body).toEqual({ ...described, version: first })

  const changed = { algorithm, auth_data: { public_key: 'other' } }
  expect((await alice.request('PUT', `${base}/version/${first}`, { ...changed, version: first })).body).toEqual({})
  expect((await alice.request('GET', `${base}/version/${first}`)).body.auth_data).toEqual({ public_key: 'other' })

  expect(await alice.request('DELETE', `${base}/version/${second}`)).toEqual({ status: 200, body: {} })
  expect((await alice.request('GET', `${base}/version`)).body.version).toBe(first)
  expect((await alice.request('DELETE', `${base}/version/${second}`)).status).toBe(200)
  expect((await alice.request('GET', `${base}/version/${second}`)).status).toBe(404)
  expect(await newVersion(alice)).toBe('3')
})

test.each([
  ['another algorithm', 'PUT', '1', { algorithm: 'other', auth_data: {} }, 400, 'M_INVALID_PARAM'],
  ['another version', 'PUT', '1', { algorithm, auth_data: {}, version: '2' }, 400, 'M_INVALID_PARAM'],
  ['no auth_data', 'PUT', '1', { algorithm }, 400, 'M_BAD_JSON'],
  ['an unknown version', 'PUT', '7', { algorithm, auth_data: {} }, 404, 'M_NOT_FOUND'],
  ['a version that is no number', 'PUT', '1e3', { algorithm, auth_data: {} }, 404, 'M_NOT_FOUND'],
  ['deleting what never was', 'DELETE', '7', undefined, 404, 'M_NOT_FOUND'],
  ['reading what never was', 'GET', '7', undefined, 404, 'M_NOT_FOUND'],
])('a version: %s', async (_name, method, version, body, status, errcode) => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  await newVersion(alice)
  const answer = await alice.request(method, `${base}/version/${version}`, body)
  expect([answer.status, answer.body.errcode]).toEqual([status, errcode])
})

test('keys are stored, read, counted and deleted, one by one, by room and all at once', async () => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  const version = await newVersion(alice)
  const ask = (method: string, path: string, body?: unknown) =>
    alice.request(method, `${base}/keys${path}?version=${version}`, body)
  const [a, b, c] = [key(false, 1, 0, 'a'), key(true, 2, 1, 'b'), key(false, 3, 2, 'c')]
  const other = '!other:a.test'

  expect(await ask('GET', '')).toEqual({ status: 200, body: { rooms: {} } })
  expect(await ask('GET', `/${room}`)).toEqual({ status: 200, body: { sessions: {} } })
  expect((await ask('GET', `/${room}/a`)).status).toBe(404)

  expect((await ask('PUT', `/${room}/a`, a)).body).toEqual({ count: 1, etag: '1' })
  expect((await ask('PUT', `/${room}`, { sessions: { a, b } })).body).toEqual({ count: 2, etag: '2' })
  expect((await ask('PUT', '', { rooms: { [room]: { sessions: { a, b } }, [other]: { sessions: { c } } } })).body).toEqual({
    count: 3,
    etag: '3',
  })
  // Nothing new: the etag stays, so that no other client reads everything again.
  expect((await ask('PUT', '', { rooms: { [room]: { sessions: { a, b } } } })).body).toEqual({ count: 3, etag: '3' })

  expect((await ask('GET', `/${room}/b`)).body).toEqual(b)
  expect((await ask('GET', `/${room}`)).body).toEqual({ sessions: { a, b } })
  expect((await ask('GET', '')).body).toEqual({ rooms: { [room]: { sessions: { a, b } }, [other]: { sessions: { c } } } })

  expect((await ask('DELETE', `/${room}/a`)).body).toEqual({ count: 2, etag: '4' })
  expect((await ask('DELETE', `/${room}/a`)).body).toEqual({ count: 2, etag: '4' })
  expect((await ask('DELETE', `/${room}`)).body).toEqual({ count: 1, etag: '5' })
  expect((await ask('DELETE', '')).body).toEqual({ count: 0, etag: '6' })
  expect((await ask('GET', '')).body).toEqual({ rooms: {} })
})

const kept = key(true, 10, 5, 'kept')
const unverified = key(false, 10, 5, 'kept')

// "Server-side key backups": verified first, then the lower first message, then the fewer forwards.
test.each([
  ['a later first message', unverified, key(false, 11, 5), false],
  ['more forwards', unverified, key(false, 10, 6), false],
  ['both', unverified, key(false, 11, 6), false],
  ['the same', unverified, key(false, 10, 5), false],
  ['an earlier first message, though more forwards', unverified, key(false, 9, 6), true],
  ['fewer forwards', unverified, key(false, 10, 4), true],
  ['verified, though worse otherwise', unverified, key(true, 11, 6), true],
  ['not verified, though better otherwise', kept, key(false, 9, 4), false],
  ['verified, a later first message', kept, key(true, 11, 5), false],
  ['verified, fewer forwards', kept, key(true, 10, 4), true],
])('a key for the same session with %s', async (_name, existing, offered, replaces) => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  const path = `${base}/keys/${room}/session?version=${await newVersion(alice)}`
  await alice.request('PUT', path, existing)
  expect((await alice.request('PUT', path, offered)).body).toEqual({ count: 1, etag: replaces ? '2' : '1' })
  expect((await alice.request('GET', path)).body).toEqual(replaces ? offered : existing)
})

test('keys go to the newest backup only, and can be read from any', async () => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  const put = (version: string) => alice.request('PUT', `${base}/keys/${room}/s?version=${version}`, key())
  expect([(await put('1')).status, (await put('1')).body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  await newVersion(alice)
  expect((await put('1')).status).toBe(200)
  await newVersion(alice)
  for (const version of ['1', '9', 'x']) {
    const { status, body } = await put(version)
    expect([status, body.errcode, body.current_version]).toEqual([403, 'M_WRONG_ROOM_KEYS_VERSION', '2'])
  }
  for (const path of ['', `/${room}`, `/${room}/s`]) {
    expect((await alice.request('GET', `${base}/keys${path}?version=1`)).status).toBe(200)
    for (const method of ['GET', 'DELETE'])
      expect((await alice.request(method, `${base}/keys${path}?version=9`)).body.errcode).toBe('M_NOT_FOUND')
    expect((await alice.request('GET', `${base}/keys${path}`)).body.errcode).toBe('M_MISSING_PARAM')
  }
})

test('backups are of one user alone, outlive a restart, and go with the account', async () => {
  const kit = createBackupKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const path = `${base}/keys/${room}/s?version=${await newVersion(alice)}`
  await alice.request('PUT', path, key())
  expect((await bob.request('GET', path)).status).toBe(404)
  await newVersion(bob)
  expect((await bob.request('GET', path)).body.error).toBe('Key not found')
  await kit.restart()
  expect((await alice.request('GET', path)).body).toEqual(key())
  await kit.storage.write((tx) => forgetBackups(tx, alice.userId))
  expect((await alice.request('GET', `${base}/version`)).status).toBe(404)
  expect((await bob.request('GET', `${base}/version`)).status).toBe(200)
  expect(kit.storage.reader.raw.prepare('SELECT count(*) FROM backup_keys').pluck().get()).toBe(0)
})

test.each([0, 1, 499, 500, 501, 1000])('a backup of %i keys in several rooms is read in one piece', async (count) => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  const version = await newVersion(alice)
  const rooms: Record<string, { sessions: Record<string, object> }> = {}
  for (let index = 0; index < count; index += 1) {
    const roomId = `!room${index % 3}:a.test`
    const sessions = rooms[roomId]?.sessions ?? {}
    sessions[`"session" ${index}`] = key(index % 2 === 0, index, 0, 'ä')
    rooms[roomId] = { sessions }
  }
  const stored = await alice.request('PUT', `${base}/keys?version=${version}`, { rooms })
  expect(stored.body.count).toBe(count)
  expect((await alice.request('GET', `${base}/keys?version=${version}`)).body).toEqual({ rooms })
})

test.each([
  ['is_verified missing', { ...key(), is_verified: undefined }, 'M_BAD_JSON'],
  ['a fraction as index', { ...key(), first_message_index: 1.5 }, 'M_BAD_JSON'],
  ['an index below zero', { ...key(), first_message_index: -1 }, 'M_BAD_JSON'],
  ['session_data that is no object', { ...key(), session_data: 'x' }, 'M_BAD_JSON'],
  ['huge session_data', key(false, 1, 1, 'x'.repeat(70_000)), 'M_TOO_LARGE'],
])('a key with %s is refused', async (_name, body, errcode) => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  const version = await newVersion(alice)
  expect((await alice.request('PUT', `${base}/keys/${room}/s?version=${version}`, body)).body.errcode).toBe(errcode)
  const sessions = { 's\ns': body }
  expect((await alice.request('PUT', `${base}/keys/${room}?version=${version}`, { sessions })).body.errcode).toBe(errcode)
})

test('names of rooms and sessions are checked', async () => {
  const kit = createBackupKit()
  const alice = await kit.user('alice')
  const version = await newVersion(alice)
  for (const rooms of [
    { nonsense: { sessions: { s: key() } } },
    { [room]: { sessions: { '': key() } } },
    { [room]: { sessions: { ['x'.repeat(256)]: key() } } },
  ]) {
    const { status, body } = await alice.request('PUT', `${base}/keys?version=${version}`, { rooms })
    expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  }
})
