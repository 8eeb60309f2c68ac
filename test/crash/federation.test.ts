import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { evilRoom, joinIt, opens } from '../hostile/evil-room.ts'
import { createEvil } from '../hostile/kit.ts'
import { expectAgreement, federatingServer, joinVia } from '../rooms/federation-kit.ts'
import { createRoom, history, type RoomEvent, seen } from '../rooms/kit.ts'
import type { TestResponse, TestServer, TestUser } from '../support/world.ts'
import { type Death, type Mortal, mortal } from './reopened.ts'

const v3 = '/_matrix/client/v3'
const deaths: readonly Death[] = ['killed', 'powerless']
/** More writes than any of the acts below needs. */
const maxSyncs = 40

interface Scene extends Mortal {
  readonly a: TestServer
  readonly alice: TestUser
  readonly bob: TestUser
}

async function scene(death: Death): Promise<Scene> {
  const dying = await mortal(death)
  const a = await federatingServer(dying.world, 'a.test')
  return Object.assign(dying, { a, alice: await a.register('alice'), bob: await dying.b.register('bob') })
}

/** Carries an act out again and again, with the end of the server one write later each time, until the act gets through. */
async function atEachWrite(round: (syncs: number) => Promise<{ readonly died: boolean }>): Promise<void> {
  for (let syncs = 0; syncs < maxSyncs; syncs += 1) {
    const { died } = await round(syncs)
    if (!died) {
      expect(syncs, 'nothing was written').toBeGreaterThan(0)
      return
    }
  }
  throw new Error('the act never got through')
}

const invites = async (user: TestUser): Promise<string[]> =>
  Object.keys((await user.request('GET', `${v3}/sync`)).body.rooms?.invite ?? {})
const say = (user: TestUser, roomId: string, body: string): Promise<TestResponse> =>
  user.request('PUT', `${v3}/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${body}`, { msgtype: 'm.text', body })
const idsIn = async (user: TestUser, roomId: string): Promise<string[]> =>
  (await history(user, roomId)).map((event: RoomEvent) => event.event_id)
const twice = (items: readonly string[]) => items.filter((item, index) => items.indexOf(item) !== index)

/** Those who gave up on each other try again. */
async function healed({ world, quiet, a }: Scene): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await world.clock.advance(61 * 60_000)
    await quiet(a)
  }
}

test.each(deaths)('receiving: what was sent arrives once, whenever the receiver is %s', { timeout: 120_000 }, (death) =>
  atEachWrite(async (syncs) => {
    const here = await scene(death)
    const { alice, a, bob, quiet } = here
    const roomId = await createRoom(alice)
    expect((await joinVia(bob, roomId, 'a.test')).status).toBe(200)
    await quiet(a)
    here.arm(syncs)
    const content = { messages: { [bob.userId]: { '*': { n: 1 } } } }
    const sent = [
      say(alice, roomId, 'one'),
      alice.request('PUT', `${v3}/sendToDevice/org.example/t1`, content),
      alice.request('PUT', `${v3}/rooms/${roomId}/state/m.room.topic/`, { topic: 'two' }),
      say(alice, roomId, 'three'),
    ]
    for (const { status } of await Promise.all(sent)) expect(status).toBe(200)
    await quiet(a)
    if (!here.isDead) return { died: false }
    const again = await here.reopen(bob)
    await healed(here)
    expect(await seen(again, roomId)).toEqual(await seen(alice, roomId))
    expect(twice(await idsIn(again, roomId))).toEqual([])
    await expectAgreement(roomId, [alice, again])
    const messages = (await again.request('GET', `${v3}/sync`)).body.to_device?.events ?? []
    expect(messages.map(({ content: { n } }: { content: { n: number } }) => n)).toEqual([1])
    return { died: true }
  }),
)

test.each(deaths)('sending: what was acknowledged arrives once, whenever the sender is %s', { timeout: 120_000 }, (death) =>
  atEachWrite(async (syncs) => {
    const here = await scene(death)
    const { alice, a, bob, quiet } = here
    const roomId = await createRoom(alice)
    expect((await joinVia(bob, roomId, 'a.test')).status).toBe(200)
    await quiet(a)
    here.arm(syncs)
    const acknowledged: string[] = []
    for (const body of ['one', 'two', 'three']) {
      const answer = await here.orDeath(say(bob, roomId, body))
      if (answer?.status === 200) acknowledged.push(body)
    }
    const toDevice = { messages: { [alice.userId]: { '*': { n: 1 } } } }
    const told = await here.orDeath(bob.request('PUT', `${v3}/sendToDevice/org.example/t1`, toDevice))
    await quiet(a)
    if (!here.isDead) return { died: false }
    const again = await here.reopen(bob)
    await healed(here)
    const [mine, theirs] = [await seen(again, roomId), await seen(alice, roomId)]
    expect(mine).toEqual(expect.arrayContaining(acknowledged))
    expect(theirs).toEqual(mine)
    expect(twice(await idsIn(alice, roomId))).toEqual([])
    await expectAgreement(roomId, [alice, again])
    const messages = (await alice.request('GET', `${v3}/sync`)).body.to_device?.events ?? []
    expect(messages.length).toBeLessThanOrEqual(1)
    if (told?.status === 200) expect(messages.length).toBe(1)
    return { died: true }
  }),
)

test.each(deaths)('joining: a room is there or not, and the join can be repeated, when it is %s', { timeout: 120_000 }, (death) =>
  atEachWrite(async (syncs) => {
    const here = await scene(death)
    const { bob, world, quiet, a } = here
    const evil = createEvil(world, 'c.test')
    const hold = evilRoom(world, evil)
    // So many that they are stored in several writes.
    for (let index = 0; index < 1200; index += 1) {
      const made = hold.event({ type: 'org.example', state_key: `${index}`, content: {} })
      hold.state.set(`org.example|${index}`, made)
    }
    const wanted = [...hold.state].map(([key, { id }]) => [key, id])
    opens(evil, hold)
    here.arm(syncs)
    const joined = await here.orDeath(joinIt(bob, hold.roomId, evil.name))
    await quiet(a)
    if (!here.isDead) return { died: false }
    const again = await here.reopen(bob)
    const { rooms = {} } = (await again.request('GET', `${v3}/sync`)).body
    const shown = Object.values(rooms).flatMap((kind) => Object.keys(kind as object))
    if (joined?.status === 200) expect(shown).toEqual([hold.roomId])
    // Nothing of a room that is not joined shows.
    if (shown.length === 0) {
      expect((await again.request('GET', `${v3}/rooms/${encodeURIComponent(hold.roomId)}/state`)).status).toBe(403)
      expect((await again.request('GET', `${v3}/joined_rooms`)).body.joined_rooms).toEqual([])
    }
    expect((await joinIt(again, hold.roomId, evil.name)).status).toBe(200)
    const state = (await again.request('GET', `${v3}/rooms/${encodeURIComponent(hold.roomId)}/state`)).body as JsonObject[]
    const others = state.filter((event) => event.state_key !== bob.userId)
    expect(others.map((event) => [`${event.type}|${event.state_key}`, event.event_id]).toSorted()).toEqual(wanted.toSorted())
    expect((await say(again, hold.roomId, 'here')).status).toBe(200)
    return { died: true }
  }),
)

test.each(deaths)(
  'being invited: who was told that it is done finds it done, when the invited server is %s',
  { timeout: 120_000 },
  (death) =>
    atEachWrite(async (syncs) => {
      const here = await scene(death)
      const { alice, bob, quiet, a } = here
      const roomId = await createRoom(alice, { preset: 'private_chat' })
      here.arm(syncs)
      const invite = () => alice.request('POST', `${v3}/rooms/${roomId}/invite`, { user_id: bob.userId })
      const first = await invite()
      await quiet(a)
      if (!here.isDead) return { died: false }
      const again = await here.reopen(bob)
      await healed(here)
      if (first.status === 200) expect(await invites(again)).toEqual([roomId])
      expect((await invite()).status).toBe(200)
      await quiet(a)
      expect(await invites(again)).toEqual([roomId])
      expect((await joinVia(again, roomId, 'a.test')).status).toBe(200)
      await quiet(a)
      await expectAgreement(roomId, [alice, again])
      return { died: true }
    }),
)

test.each(deaths)(
  'inviting: an invitation can be repeated and accepted, when the inviting server is %s',
  { timeout: 120_000 },
  (death) =>
    atEachWrite(async (syncs) => {
      const here = await scene(death)
      const { alice, bob, quiet, a } = here
      const roomId = await createRoom(bob, { preset: 'private_chat' })
      await quiet(a)
      here.arm(syncs)
      const invite = (user: TestUser) => user.request('POST', `${v3}/rooms/${roomId}/invite`, { user_id: alice.userId })
      const first = await here.orDeath(invite(bob))
      await quiet(a)
      if (!here.isDead) return { died: false }
      const again = await here.reopen(bob)
      await healed(here)
      if (first?.status === 200) expect(await invites(alice)).toEqual([roomId])
      expect((await invite(again)).status).toBe(200)
      await quiet(a)
      expect(await invites(alice)).toEqual([roomId])
      expect((await joinVia(alice, roomId, 'b.test')).status).toBe(200)
      await quiet(a)
      await expectAgreement(roomId, [alice, again])
      return { died: true }
    }),
)

test.each(deaths)(
  'leaving: who has left stays away, and declining can be repeated, when it is %s',
  { timeout: 120_000 },
  (death) =>
    atEachWrite(async (syncs) => {
      const here = await scene(death)
      const { alice, bob, quiet, a } = here
      const joined = await createRoom(alice)
      const invited = await createRoom(alice, { preset: 'private_chat', invite: [bob.userId] })
      expect((await joinVia(bob, joined, 'a.test')).status).toBe(200)
      await quiet(a)
      here.arm(syncs)
      const leave = (user: TestUser, roomId: string) => user.request('POST', `${v3}/rooms/${roomId}/leave`, {})
      const left: string[] = []
      for (const roomId of [joined, invited]) if ((await here.orDeath(leave(bob, roomId)))?.status === 200) left.push(roomId)
      await quiet(a)
      if (!here.isDead) return { died: false }
      const again = await here.reopen(bob)
      await healed(here)
      const membership = async (roomId: string) =>
        (await alice.request('GET', `${v3}/rooms/${roomId}/state/m.room.member/${encodeURIComponent(bob.userId)}`)).body
          .membership
      for (const roomId of left) expect(await membership(roomId)).toBe('leave')
      for (const roomId of [joined, invited]) expect((await leave(again, roomId)).status).toBe(200)
      await healed(here)
      for (const roomId of [joined, invited]) expect(await membership(roomId)).toBe('leave')
      expect(await invites(again)).toEqual([])
      expect((await again.request('GET', `${v3}/joined_rooms`)).body.joined_rooms).toEqual([])
      return { died: true }
    }),
)
