import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createRoom, say } from '../rooms/kit.ts'
import { versionNamed } from '../rooms/serving-kit.ts'
import type { TestUser } from '../support/world.ts'
import { type Answers, evilRoom, joinIt, madeByEvil, opens } from './evil-room.ts'
import { den, type Foothold, membership, seal, v1, v2 } from './kit.ts'

const v3 = '/_matrix/client/v3'
const joinedRooms = async (user: TestUser): Promise<string[]> =>
  (await user.request('GET', `${v3}/joined_rooms`)).body.joined_rooms
/** Rooms in which a first sync shows anything at all. */
const roomsShown = async (user: TestUser): Promise<string[]> => {
  const { rooms = {} } = (await user.request('GET', `${v3}/sync`)).body
  return ['join', 'invite', 'knock', 'leave'].flatMap((kind) => Object.keys(rooms[kind] ?? {}))
}

test('a room of another server can be joined if it answers as it should', async () => {
  const { world, evil, bob, expectUnharmed } = await den()
  const hold = await madeByEvil(world, evil, bob)
  expect(await joinedRooms(bob)).toEqual([hold.roomId])
  expect(await membership(bob, hold.roomId, evil.userId)).toBe('join')
  await expectUnharmed()
})

const key = ({ type, state_key }: JsonObject) => `${type}|${state_key}`
const without = (raws: readonly JsonObject[], what: string) => raws.filter((raw) => key(raw) !== what)

/** What is wrong with the answer to send_join: each makes the room one that cannot be joined. */
const lies: readonly (readonly [string, (answers: Answers, hold: Foothold, evil: Parameters<typeof opens>[0]) => void])[] = [
  [
    'no create event',
    (answers) => {
      answers.state = without(answers.state, 'm.room.create|')
    },
  ],
  [
    'no create event anywhere',
    (answers) => {
      answers.state = without(answers.state, 'm.room.create|')
      answers.chain = without(answers.chain, 'm.room.create|')
    },
  ],
  [
    'another create event',
    (answers, hold, evil) => {
      const other = seal(evil.signer, hold.version, {
        ...hold.state.get('m.room.create|')!.raw,
        content: { room_version: '11', x: 1 },
        hashes: {},
        signatures: {},
      })
      answers.state = [...without(answers.state, 'm.room.create|'), other.raw]
    },
  ],
  [
    'two create events',
    (answers, hold, evil) => {
      const other = seal(evil.signer, hold.version, {
        ...hold.state.get('m.room.create|')!.raw,
        origin_server_ts: 1,
        hashes: {},
        signatures: {},
      })
      answers.state = [...answers.state, other.raw]
    },
  ],
  [
    'a create event of another room version',
    (answers, hold, evil) => {
      const other = seal(evil.signer, hold.version, {
        ...hold.state.get('m.room.create|')!.raw,
        content: { room_version: '10' },
        hashes: {},
        signatures: {},
      })
      answers.state = [...without(answers.state, 'm.room.create|'), other.raw]
      answers.chain = [...answers.chain, other.raw]
    },
  ],
  [
    'no power levels, although the join stands on some',
    (answers) => {
      answers.state = without(answers.state, 'm.room.power_levels|')
    },
  ],
  [
    'a state in which the user is banned',
    (answers, hold) => {
      const userId = String(answers.template.sender)
      answers.state.push(hold.event({ type: 'm.room.member', state_key: userId, content: { membership: 'ban' } }).raw)
    },
  ],
  [
    'a state in which only those who are invited may join',
    (answers, hold) => {
      const rules = hold.event({ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'invite' } })
      answers.state = [...without(answers.state, 'm.room.join_rules|'), rules.raw]
    },
  ],
  [
    'two entries for one person',
    (answers, hold, evil) => {
      answers.state.push(
        hold.event({ type: 'm.room.member', state_key: evil.userId, content: { membership: 'join', displayname: 'x' } }).raw,
      )
    },
  ],
  [
    'no state at all',
    (answers) => {
      answers.state = []
      answers.chain = []
    },
  ],
  [
    'events without signatures',
    (answers) => {
      answers.state = answers.state.map((raw) => ({ ...raw, signatures: {} }))
      answers.chain = answers.state
    },
  ],
  [
    'a state of no state events',
    (answers, hold) => {
      answers.state = [...answers.state, hold.event().raw, hold.event().raw]
    },
  ],
  [
    'things that are no events',
    (answers) => {
      answers.state = [{}, { type: 'm.room.create' }, JSON.parse('{"__proto__":1}')]
    },
  ],
]

test.each(lies)('a room is not joined by an answer with %s', async (_, lie) => {
  const { world, evil, bob, alice, expectUnharmed } = await den()
  const hold = evilRoom(world, evil)
  opens(evil, hold, (answers) => void lie(answers, hold, evil))
  const answer = await joinIt(bob, hold.roomId, evil.name)
  expect([answer.status, answer.body.errcode]).toEqual([502, 'M_UNKNOWN'])
  expect(await joinedRooms(bob)).toEqual([])
  expect(await roomsShown(bob)).toEqual([])
  expect((await alice.request('GET', `${v3}/rooms/${encodeURIComponent(hold.roomId)}/state`)).status).toBe(403)
  // The same room can be joined once somebody tells the truth.
  opens(evil, hold)
  expect((await joinIt(bob, hold.roomId, evil.name)).status).toBe(200)
  expect(await roomsShown(bob)).toEqual([hold.roomId])
  await expectUnharmed()
})

test('events of other rooms in a state are left out', async () => {
  const { world, evil, bob, alice, a } = await den()
  const secret = await createRoom(alice, { preset: 'public_chat', name: 'another' })
  const hold = evilRoom(world, evil)
  const foreign = hold.event({ type: 'm.room.topic', state_key: '', content: { topic: 'foreign' }, more: { room_id: secret } })
  opens(evil, hold, (answers) => {
    answers.state.push(foreign.raw)
    answers.chain.push(foreign.raw)
  })
  expect((await joinIt(bob, hold.roomId, evil.name)).status).toBe(200)
  const held = a.app.storage.reader.raw.prepare('SELECT count(*) FROM events WHERE event_id = ?').pluck().get(foreign.id)
  expect(held).toBe(0)
  expect((await alice.request('GET', `${v3}/rooms/${secret}/state/m.room.topic/`)).status).toBe(404)
})

test('a state of very many entries is taken over without holding others up', { timeout: 60_000 }, async () => {
  const { world, evil, bob, alice, elsewhere } = await den()
  const hold = evilRoom(world, evil)
  const many = Array.from({ length: 5000 }, (_, index) =>
    hold.event({ type: 'org.example.entry', state_key: `${index}`, content: {} }),
  )
  opens(evil, hold, (answers) => answers.state.push(...many.map(({ raw }) => raw)))
  const joining = joinIt(bob, hold.roomId, evil.name)
  let slowest = 0
  let done = false
  void joining.then(() => {
    done = true
  })
  while (!done) {
    const start = performance.now()
    await say(alice, elsewhere, 'meanwhile')
    slowest = Math.max(slowest, performance.now() - start)
  }
  expect((await joining).status).toBe(200)
  // Generous, since the machine may do other things: taken at once it would be seconds.
  expect(slowest).toBeLessThan(1500)
})

/** What a template for a join may say: the server signs the membership that was asked for, and nothing else. */
const templates: readonly (readonly [string, (template: JsonObject) => JsonObject])[] = [
  ['for another room', (template) => ({ ...template, room_id: '!other:evil.test' })],
  ['of another type', (template) => ({ ...template, type: 'm.room.power_levels' })],
  ['by another sender', (template) => ({ ...template, sender: '@alice:a.test' })],
  ['about another user', (template) => ({ ...template, state_key: '@alice:a.test' })],
  ['with another membership', (template) => ({ ...template, content: { membership: 'ban' } })],
  ['with no content', (template) => ({ ...template, content: 7 })],
  [
    'let in by a user of this server',
    (template) => ({
      ...template,
      content: { membership: 'join', join_authorised_via_users_server: '@alice:a.test' },
    }),
  ],
  [
    'let in by what is no user',
    (template) => ({
      ...template,
      content: { membership: 'join', join_authorised_via_users_server: { x: 'y'.repeat(1000) } },
    }),
  ],
  ['with a depth that is none', (template) => ({ ...template, depth: -5 })],
  ['with a depth beyond all depths', (template) => ({ ...template, depth: 2 ** 60 })],
  ['with many auth events', (template) => ({ ...template, auth_events: Array(5000).fill('$x') })],
  ['with many previous events', (template) => ({ ...template, prev_events: Array(5000).fill('$x') })],
  ['with previous events that are none', (template) => ({ ...template, prev_events: [{ a: 1 }, 'x', null] })],
]

test.each(templates)('no join is signed that is %s', async (_, change) => {
  const { world, evil, bob } = await den()
  const hold = evilRoom(world, evil)
  opens(evil, hold, (answers) => {
    answers.template = change(answers.template)
  })
  const answer = await joinIt(bob, hold.roomId, evil.name)
  expect([answer.status, answer.body.errcode]).toEqual([502, 'M_UNKNOWN'])
  expect(evil.asked.some((path) => path.includes('send_join'))).toBe(false)
  expect(await joinedRooms(bob)).toEqual([])
})

test('what a template says besides is not signed', async () => {
  const { world, evil, bob } = await den()
  const hold = evilRoom(world, evil)
  let sent: JsonObject | undefined
  opens(evil, hold, (answers) => {
    answers.template = {
      ...answers.template,
      content: { membership: 'join', displayname: 'Fool', 'org.evil': true },
      origin_server_ts: 5,
      event_id: '$chosen:a.test',
      redacts: '$something',
      unsigned: { x: 1 },
      signatures: { 'a.test': { 'ed25519:x': 'AAAA' } },
      extra: 'x'.repeat(1000),
    }
  })
  evil.answers(`${v2}/send_join/`, async (_, request) => {
    sent = (await request.json()) as JsonObject
    return { state: [], auth_chain: [] }
  })
  expect((await joinIt(bob, hold.roomId, evil.name)).status).toBe(502)
  expect(Object.keys(sent ?? {}).toSorted()).toEqual(
    [
      'auth_events',
      'content',
      'depth',
      'hashes',
      'origin_server_ts',
      'prev_events',
      'room_id',
      'sender',
      'signatures',
      'state_key',
      'type',
    ].toSorted(),
  )
  expect(sent?.content).toMatchObject({ membership: 'join' })
  expect(sent?.content).not.toHaveProperty('org.evil')
  expect(sent?.origin_server_ts).not.toBe(5)
})

test('a refusal elsewhere signs nobody out, and is passed on only where it is one', async () => {
  const { evil, bob } = await den()
  const roomId = '!den:evil.test'
  const refusals: readonly (readonly [number, string, number, string])[] = [
    [401, 'M_UNKNOWN_TOKEN', 502, 'M_UNKNOWN'],
    [403, 'M_USER_LOCKED', 502, 'M_UNKNOWN'],
    [403, 'M_CONSENT_NOT_GIVEN', 502, 'M_UNKNOWN'],
    [429, 'M_LIMIT_EXCEEDED', 502, 'M_UNKNOWN'],
    [418, 'M_FORBIDDEN', 502, 'M_UNKNOWN'],
    [403, 'M_FORBIDDEN', 403, 'M_FORBIDDEN'],
    [404, 'M_NOT_FOUND', 404, 'M_NOT_FOUND'],
    [400, 'x'.repeat(10_000), 502, 'M_UNKNOWN'],
  ]
  for (const verb of ['join', 'knock'] as const) {
    for (const [status, errcode, expected, code] of refusals) {
      evil.answers(`${v1}/make_${verb}/`, () => Response.json({ errcode, error: 'no' }, { status }))
      const answer = await bob.request('POST', `${v3}/${verb}/${encodeURIComponent(roomId)}?via=evil.test`, {})
      expect([answer.status, answer.body.errcode], `${verb} ${errcode}`).toEqual([expected, code])
    }
  }
})

test('what an invited server answers changes nothing but its own signature', async () => {
  const { a, evil, alice } = await den()
  const version = versionNamed('11')
  const answers: readonly ((event: JsonObject) => unknown)[] = [
    (event) => ({ event: evil.signer.signEvent(event, version) }),
    (event) => ({ event }),
    () => ({ event: {} }),
    (event) => ({ event: { ...event, signatures: { 'a.test': { 'ed25519:1': 'AAAA' }, 'c.test': { 'ed25519:1': 'AAAA' } } } }),
    (event) => ({ event: evil.signer.signEvent({ ...event, content: { membership: 'join' } }, version) }),
  ]
  for (const answer of answers) {
    const roomId = await createRoom(alice, { preset: 'private_chat', room_version: '11' })
    let sent: JsonObject = {}
    evil.answers(`${v2}/invite/`, async (_, request) => {
      sent = ((await request.json()) as { event: JsonObject }).event
      return answer(sent)
    })
    const invited = await alice.request('POST', `${v3}/rooms/${roomId}/invite`, { user_id: evil.userId })
    expect(invited.status).toBe(200)
    const held = a.app.storage.reader.raw.prepare('SELECT json FROM events WHERE state_key = ? ORDER BY position DESC').pluck()
    const { signatures, ...event } = JSON.parse(held.get(evil.userId) as string)
    const { signatures: ours, ...asked } = sent as { signatures: JsonObject }
    expect(event).toEqual(asked)
    expect(signatures['a.test']).toEqual(ours['a.test'])
    expect(Object.keys(signatures).filter((name) => name !== 'a.test' && name !== evil.name)).toEqual([])
  }
  const roomId = await createRoom(alice, { preset: 'private_chat', room_version: '11' })
  for (const answer of [
    () => new Response('x'.repeat(300_000)),
    () => Response.json({ errcode: 'M_UNKNOWN_TOKEN', error: 'out' }, { status: 401 }),
    () => ({ event: 7 }),
  ]) {
    evil.answers(`${v2}/invite/`, answer)
    const { status, body } = await alice.request('POST', `${v3}/rooms/${roomId}/invite`, { user_id: evil.userId })
    expect([status, body.errcode]).toEqual([502, 'M_UNKNOWN'])
  }
})
