import { expect, test } from 'vitest'
import { createPasswordHashing } from '../../src/accounts/password-hashing.ts'
import { runningOf } from '../../src/box/owner-commands.ts'
import { silentLog } from '../../src/platform/log.ts'
import { setAnswer } from '../../src/setup/answers.ts'
import { auditPage } from '../../src/setup/audit-log.ts'
import { lonelyRooms } from '../../src/setup/staff/orphans.ts'
import { otherAccounts } from '../../src/setup/staff/other-accounts.ts'
import type { Role } from '../../src/setup/staff/roles.ts'
import { createStaff } from '../../src/setup/staff/staff.ts'
import { findPerson } from '../../src/setup/staff/staff-store.ts'
import { userNameFor } from '../../src/setup/staff/user-name.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld } from '../support/world.ts'

const password = 'Wolke Birne Anker Zaun'

async function practice() {
  const world = await createWorld()
  const server = await world.server('praxis.test')
  const { storage } = server.app
  await storage.write((tx) => {
    setAnswer(tx, 'practice', { name: 'Praxis Sommer', mode: 'open' })
    setAnswer(tx, 'language', 'de')
  })
  const random = seededRandom('staff')
  const running = runningOf(server.app, { server_name: 'praxis.test', public_url: undefined })
  const messenger = {
    running,
    problem: undefined,
    start: () => Promise.resolve(),
    restart: () => undefined,
    reset: () => undefined,
  }
  const deps = {
    storage,
    clock: world.clock,
    random,
    log: silentLog,
    passwords: createPasswordHashing({ memory: 8, iterations: 1 }, random),
    messenger,
  }
  const staff = createStaff(deps)
  async function add(name: string, role: Role) {
    const added = await staff.add({ name, userName: '', role, rooms: [] }, 'owner')
    if ('refused' in added) throw new Error(added.refused)
    return added
  }
  async function signIn(user: string) {
    const answer = await server.request('POST', '/_matrix/client/v3/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user },
      password,
    })
    const request = (method: string, path: string, body?: unknown) =>
      server.request(method, path, body, { headers: { authorization: `Bearer ${answer.body.access_token}` } })
    return { status: answer.status, deviceId: answer.body.device_id as string, request }
  }
  /** Names of the rooms that somebody is in. */
  async function roomNames(user: Awaited<ReturnType<typeof signIn>>) {
    const { body } = await user.request('GET', '/_matrix/client/v3/joined_rooms')
    const names = await Promise.all(
      (body.joined_rooms as string[]).map((room) =>
        user.request('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/state/m.room.name/`),
      ),
    )
    return names.map((answer) => answer.body.name as string).toSorted()
  }
  return { world, server, storage, staff, deps, add, signIn, roomNames }
}

test('somebody who is added begins with the link, once and within a day', async () => {
  const { world, staff, add, signIn } = await practice()
  const { userId, link } = await add('Dr. Jörg Müller', 'doctor')
  expect(userId).toBe('@joerg.mueller:praxis.test')
  expect((await signIn('joerg.mueller')).status).toBe(403)
  expect(await staff.enrol(link, password)).toEqual({ userId })
  expect((await signIn('joerg.mueller')).status).toBe(200)
  expect(await staff.enrol(link, 'another password')).toEqual({ refused: 'staff.refusedLink' })
  const late = await add('Late Person', 'office')
  await world.clock.advance(24 * 3_600_000)
  expect(await staff.enrol(late.link, password)).toEqual({ refused: 'staff.refusedLink' })
})

test('of two who use a link at once one gets in', async () => {
  const { staff, add } = await practice()
  const { userId, link } = await add('Anna Berger', 'assistant')
  const results = await Promise.all([staff.enrol(link, password), staff.enrol(link, 'the other password')])
  expect(results.filter((result) => 'userId' in result)).toEqual([{ userId }])
})

test('a new link makes the one before void, and only hashes are on disk', async () => {
  const { staff, storage, add } = await practice()
  const { userId, link } = await add('Anna Berger', 'assistant')
  const renewed = await staff.renewLink(userId, 'owner')
  if ('refused' in renewed) throw new Error(renewed.refused)
  expect(await staff.enrol(link, password)).toEqual({ refused: 'staff.refusedLink' })
  const kept = JSON.stringify(storage.reader.raw.prepare('SELECT * FROM staff_links').all())
  expect(kept).not.toContain(renewed.link)
  expect(await staff.enrol(renewed.link, password)).toEqual({ userId })
})

test('a role brings its rooms, encrypted, in the space of the practice', async () => {
  const { staff, add, signIn, roomNames } = await practice()
  for (const [name, role] of [
    ['Anna Berger', 'assistant'],
    ['Otto Amt', 'office'],
  ] as const)
    await staff.enrol((await add(name, role)).link, password)
  const anna = await signIn('anna.berger')
  expect(await roomNames(anna)).toEqual(['Empfang', 'Labor', 'Praxis', 'Praxis Sommer'])
  expect(await roomNames(await signIn('otto.amt'))).toEqual(['Praxis', 'Praxis Sommer', 'Verwaltung'])
  const { body } = await anna.request('GET', '/_matrix/client/v3/joined_rooms')
  const encryption = await Promise.all(
    (body.joined_rooms as string[]).map((room) =>
      anna.request('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/state/m.room.encryption/`),
    ),
  )
  expect(encryption.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 404])
})

test('the same name twice gives two user names, and a name that was used stays used', async () => {
  const { staff, add } = await practice()
  expect((await add('Anna Berger', 'office')).userId).toBe('@anna.berger:praxis.test')
  expect((await add('Anna Berger', 'office')).userId).toBe('@anna.berger2:praxis.test')
  await staff.leave('@anna.berger:praxis.test', undefined, 'owner')
  const wish = { name: 'Anna Berger', userName: 'anna.berger', role: 'office', rooms: [] } as const
  expect(await staff.add(wish, 'owner')).toEqual({ refused: 'staff.refusedTaken' })
  expect((await add('Anna Berger', 'office')).userId).toBe('@anna.berger3:praxis.test')
})

test('leaving ends sessions, rooms and rights in one step, and the protocol says what became of each room', async () => {
  const { staff, storage, add, signIn, server } = await practice()
  for (const name of ['Anna Berger', 'Ben Kurz', 'Cora Lang']) await staff.enrol((await add(name, 'reception')).link, password)
  const [anna, ben] = [await signIn('anna.berger'), await signIn('ben.kurz')]
  const made = await anna.request('POST', '/_matrix/client/v3/createRoom', {
    name: 'Urlaub',
    invite: ['@ben.kurz:praxis.test', '@cora.lang:praxis.test'],
  })
  const room = encodeURIComponent(made.body.room_id as string)
  for (const user of [ben, await signIn('cora.lang')]) await user.request('POST', `/_matrix/client/v3/rooms/${room}/join`, {})
  expect(await staff.leave('@anna.berger:praxis.test', '@anna.berger:praxis.test', 'owner')).toEqual({
    refused: 'staff.refusedDeputy',
  })
  expect(await staff.leave('@anna.berger:praxis.test', '@ben.kurz:praxis.test', 'owner')).toEqual({
    userId: '@anna.berger:praxis.test',
  })
  expect((await anna.request('GET', '/_matrix/client/v3/account/whoami')).status).toBe(401)
  expect((await signIn('anna.berger')).status).toBe(403)
  const farewell = findPerson(storage.reader, '@anna.berger:praxis.test')?.farewell
  expect(farewell).toMatchObject({ by: 'owner', deputy: '@ben.kurz:praxis.test', devices: [{ deviceId: anna.deviceId }] })
  expect(Object.fromEntries(farewell?.rooms.map(({ name, administration }) => [name, administration]) ?? [])).toEqual({
    'Praxis Sommer': 'none',
    Praxis: 'none',
    Empfang: 'none',
    Urlaub: 'handed-over',
  })
  const renamed = await ben.request('PUT', `/_matrix/client/v3/rooms/${room}/state/m.room.name/`, { name: 'Ferien' })
  expect(renamed.status).toBe(200)
  const { body } = await ben.request('GET', `/_matrix/client/v3/rooms/${room}/joined_members`)
  expect(Object.keys(body.joined).toSorted()).toEqual(['@ben.kurz:praxis.test', '@cora.lang:praxis.test'])
  expect(await staff.leave('@anna.berger:praxis.test', undefined, 'owner')).toEqual({ refused: 'staff.refusedUnknown' })
  await server.restart()
})

test('the guard names rooms that one person runs alone, and a second one ends that', async () => {
  const { staff, storage, deps, add, signIn } = await practice()
  for (const name of ['Anna Berger', 'Ben Kurz', 'Cora Lang']) await staff.enrol((await add(name, 'reception')).link, password)
  const anna = await signIn('anna.berger')
  const invite = ['@ben.kurz:praxis.test', '@cora.lang:praxis.test']
  const made = await anna.request('POST', '/_matrix/client/v3/createRoom', { name: 'Urlaub', invite })
  for (const name of ['ben.kurz', 'cora.lang'])
    await (await signIn(name)).request('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(made.body.room_id)}/join`, {})
  await anna.request('POST', '/_matrix/client/v3/createRoom', { is_direct: true, invite: invite.slice(0, 1) })
  const lonely = lonelyRooms(storage.reader)
  expect(lonely.map(({ view, administrator, candidates }) => [view.name, administrator, candidates.toSorted()])).toEqual([
    ['Urlaub', '@anna.berger:praxis.test', invite],
  ])
  const { guardOrphan } = await import('../../src/setup/staff/orphans.ts')
  expect(await guardOrphan(deps, made.body.room_id, '@nobody:praxis.test', 'owner')).toBe(false)
  expect(await guardOrphan(deps, made.body.room_id, '@ben.kurz:praxis.test', 'owner')).toBe(true)
  expect(lonelyRooms(storage.reader)).toEqual([])
  expect(await guardOrphan(deps, made.body.room_id, '@cora.lang:praxis.test', 'owner')).toBe(false)
})

test('an account that was made elsewhere is taken into the staff, with its rooms', async () => {
  const { staff, server, storage, add, roomNames } = await practice()
  await add('Anna Berger', 'office')
  const carl = await server.register('carl')
  expect(otherAccounts(storage.reader).map(({ userId }) => userId)).toEqual(['@carl:praxis.test'])
  const wish = { name: 'Carl Kurz', role: 'laboratory' } as const
  expect(await staff.adopt('@hausbote:praxis.test', wish, 'owner')).toEqual({ refused: 'staff.refusedUnknown' })
  expect(await staff.adopt('@carl:praxis.test', wish, 'owner')).toEqual({ userId: '@carl:praxis.test' })
  expect(otherAccounts(storage.reader)).toEqual([])
  const { request } = carl
  expect(await roomNames({ request, status: 200, deviceId: '' })).toEqual(['Labor', 'Praxis', 'Praxis Sommer'])
})

test('one device is signed out, the others stay', async () => {
  const { staff, storage, add, signIn } = await practice()
  const { userId, link } = await add('Anna Berger', 'assistant')
  await staff.enrol(link, password)
  const [phone, tablet] = [await signIn('anna.berger'), await signIn('anna.berger')]
  expect(await staff.endDevice(userId, 'NOSUCH', 'owner')).toEqual({ refused: 'staff.refusedDevice' })
  expect(await staff.endDevice(userId, phone.deviceId, 'owner')).toEqual({})
  expect((await phone.request('GET', '/_matrix/client/v3/account/whoami')).status).toBe(401)
  expect((await tablet.request('GET', '/_matrix/client/v3/account/whoami')).status).toBe(200)
  const acts = auditPage(storage.reader, 10).map(({ act }) => act)
  expect(acts).toEqual(['device-ended', 'staff-enrolled', 'staff-added'])
})

test('a changed role brings further rooms, and a changed name is seen by the others', async () => {
  const { staff, add, signIn, roomNames } = await practice()
  const { userId, link } = await add('Anna Berger', 'office')
  await staff.enrol(link, password)
  await staff.change(userId, { name: 'Anna Wald', role: 'laboratory', rooms: ['office'] }, 'owner')
  const anna = await signIn('anna.berger')
  expect(await roomNames(anna)).toEqual(['Labor', 'Praxis', 'Praxis Sommer', 'Verwaltung'])
  const profile = await anna.request('GET', `/_matrix/client/v3/profile/${encodeURIComponent(userId)}`)
  expect(profile.body.displayname).toBe('Anna Wald')
})

test.each([
  ['Dr. med. Jörg Müller-Lüdenscheidt', 'joerg.mueller-luedenscheidt'],
  ['Prof. Dr.', 'prof.dr'],
  ['Šárka Nováková', 'sarka.novakova'],
  ['李小龍', 'team'],
  ['  --Anna--  ', 'anna'],
])('the user name made of %s is %s', (name, userName) => {
  expect(userNameFor(name)).toBe(userName)
})
