import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { say, seen } from '../rooms/kit.ts'
import { of } from '../rooms/serving-kit.ts'
import { createEvil, den, transaction, v1 } from './kit.ts'

const text = (body: string) => ({ content: { msgtype: 'm.text', body } })
const v3 = '/_matrix/client/v3'

test('a transaction that comes again, by the same name or another, does nothing twice', async () => {
  const { world, a, alice, evil, room, stored } = await den()
  const hold = await room()
  const event = hold.event(text('once'))
  const toDevice = {
    edu_type: 'm.direct_to_device',
    content: {
      sender: evil.userId,
      type: 'org.example',
      message_id: 'm1',
      messages: { [alice.userId]: { '*': { n: 1 } } },
    },
  }
  const content = transaction(world, evil, [event.raw], [toDevice])
  const put = (name: string, body: JsonObject) => evil.ask(a, 'PUT', `${v1}/send/${name}`, body)
  const first = await put('one', content)
  const count = stored()
  expect((await put('one', content)).body).toEqual(first.body)
  expect((await put('two', content)).body).toEqual(first.body)
  // Another content under a name that was used is not looked at.
  const other = hold.event(text('other'))
  expect((await put('one', transaction(world, evil, [other.raw]))).body).toEqual(first.body)
  expect(stored()).toBe(count)
  expect(await seen(alice, hold.roomId)).toEqual(['once'])
  const { to_device: messages } = (await alice.request('GET', `${v3}/sync`)).body
  expect(messages.events).toHaveLength(1)
})

test('events that come in another order find their places, and what others sent meanwhile theirs', async () => {
  const { alice, evil, room, send } = await den()
  const hold = await room()
  const [one, two, three] = [hold.event(text('1')), hold.event(text('2')), hold.event(text('3'))]
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: [one.raw, two.raw] }))
  expect(await send([three.raw])).toEqual({ [three.id]: {} })
  await say(alice, hold.roomId, '4')
  expect(await send([two.raw, one.raw])).toEqual({ [two.id]: {}, [one.id]: {} })
  expect(await seen(alice, hold.roomId)).toEqual(['1', '2', '3', '4'])
})

test('a transaction is no larger than it may be, and by whom it says', async () => {
  const { world, a, alice, evil, room, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const event = hold.event()
  const put = (body: JsonObject, name = 'x') => evil.ask(a, 'PUT', `${v1}/send/${name}`, body)
  const codes = async (body: JsonObject, name?: string) => {
    const answer = await put(body, name)
    return [answer.status, answer.body.errcode]
  }
  expect(await codes(transaction(world, evil, Array(51).fill(event.raw)))).toEqual([400, 'M_BAD_JSON'])
  expect(await codes(transaction(world, evil, [], Array(101).fill({ edu_type: 'x', content: {} })))).toEqual([400, 'M_BAD_JSON'])
  expect(await codes({ ...transaction(world, evil, [event.raw]), origin: 'victim.test' })).toEqual([400, 'M_INVALID_PARAM'])
  expect(await codes(transaction(world, evil, [event.raw]), 'n'.repeat(300))).toEqual([400, 'M_INVALID_PARAM'])
  expect(await codes({ ...transaction(world, evil, []), pdus: 'many' })).toEqual([400, 'M_BAD_JSON'])
  const huge = await evil.ask(a, 'PUT', `${v1}/send/huge`, { pdus: [{ x: 'y'.repeat(14 * 1024 * 1024) }] })
  expect([huge.status, huge.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
  // Thirteen megabytes of nothing would take seconds and hundreds of megabytes, before it is known who sends it.
  for (const nothing of ['[]', '{}', '1']) {
    const dense = `{"pdus":[${Array(Math.floor(13_000_000 / (nothing.length + 1)))
      .fill(nothing)
      .join()}]}`
    const headers = { authorization: 'X-Matrix origin="evil.test",key="ed25519:1",sig="AAAA"' }
    const answer = await a.federation('PUT', `${v1}/send/dense`, dense, { headers })
    expect([answer.status, answer.body.errcode]).toEqual([400, 'M_NOT_JSON'])
    expect(answer.body.error).toContain('too many values')
  }
  const victim = createEvil(world, 'victim.test')
  const body = transaction(world, victim, [event.raw])
  const authorization = (await signedBy(evil.signer, 'victim.test', body)) as string
  const forged = await a.federation('PUT', `${v1}/send/forged`, body, { headers: { authorization } })
  expect([forged.status, forged.body.errcode]).toEqual([401, 'M_UNAUTHORIZED'])
  expect(stored()).toBe(before)
  expect(await seen(alice, hold.roomId)).toEqual([])
  await expectUnharmed()
})

/** The header of a request as if another server had signed it. */
async function signedBy(signer: ReturnType<typeof createEvil>['signer'], name: string, content: JsonObject) {
  const { authorizationFor } = await import('../../src/federation/request-auth.ts')
  const request = { method: 'PUT', target: `${v1}/send/forged`, destination: 'a.test' as never, content }
  return authorizationFor({ ...signer, serverName: name as never }, request)
}

test('bad events do not keep the good ones beside them away', async () => {
  const { alice, room, send } = await den()
  const hold = await room()
  const good = hold.event(text('good'))
  const bad = [
    7,
    null,
    'x',
    [],
    {},
    { room_id: hold.roomId },
    { ...good.raw, signatures: 7 },
    { ...good.raw, hashes: { sha256: 5 } },
  ]
  expect(await send([...bad, good.raw, ...bad] as JsonObject[])).toEqual({ [good.id]: {} })
  expect(await seen(alice, hold.roomId)).toEqual(['good'])
})

test('transactions wait in line, so many and no more', async () => {
  const { world, a, evil, room } = await den()
  const hold = await room()
  let release: (() => void) | undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  evil.answers(`${v1}/get_missing_events/`, async () => {
    await held
    return { events: [] }
  })
  const ghost = { id: `$${'w'.repeat(43)}`, raw: { depth: 2 } }
  const put = (index: number) =>
    evil.ask(
      a,
      'PUT',
      `${v1}/send/line${index}`,
      transaction(world, evil, [hold.event({ prev: [ghost], ...text(`${index}`) }).raw]),
    )
  const answers = Array.from({ length: 20 }, (_, index) => put(index))
  const refused = await Promise.all(answers.slice(10))
  expect(refused.map(({ status, body }) => [status, body.errcode])).toEqual(Array(10).fill([429, 'M_LIMIT_EXCEEDED']))
  release?.()
  expect((await answers[0])?.status).toBe(200)
})

test('thousands of EDUs of all kinds, true and false, harm nobody', { timeout: 60_000 }, async () => {
  const { world, a, alice, bob, evil, room, expectUnharmed } = await den()
  const hold = await room()
  await bob.request('POST', `${v3}/join/${of(hold.roomId)}`, {})
  await world.settled()
  const kinds: ((n: number) => JsonObject)[] = [
    (n) => ({ edu_type: 'm.typing', content: { room_id: hold.roomId, user_id: evil.userId, typing: n % 2 === 0 } }),
    (n) => ({ edu_type: 'm.typing', content: { room_id: hold.roomId, user_id: `@u${n}:evil.test`, typing: true } }),
    () => ({ edu_type: 'm.typing', content: { room_id: hold.roomId, user_id: alice.userId, typing: true } }),
    (n) => ({
      edu_type: 'm.presence',
      content: {
        push: [
          { user_id: `@u${n}:evil.test`, presence: 'online' },
          { user_id: bob.userId, presence: 'offline' },
        ],
      },
    }),
    (n) => ({
      edu_type: 'm.receipt',
      content: { [hold.roomId]: { 'm.read': { [evil.userId]: { event_ids: [`$${n}`], data: { ts: n } } } } },
    }),
    (n) => ({
      edu_type: 'm.receipt',
      content: { [hold.roomId]: { 'm.read': { [bob.userId]: { event_ids: [`$${n}`], data: { ts: n } } } } },
    }),
    (n) => ({
      edu_type: 'm.device_list_update',
      content: { user_id: evil.userId, device_id: `D${n}`, stream_id: n, prev_id: [n - 1] },
    }),
    (n) => ({ edu_type: 'm.device_list_update', content: { user_id: alice.userId, device_id: `D${n}`, stream_id: n } }),
    (n) => ({
      edu_type: 'm.signing_key_update',
      content: { user_id: alice.userId, master_key: { keys: { [`ed25519:${n}`]: 'x' } } },
    }),
    (n) => ({
      edu_type: 'm.direct_to_device',
      content: {
        sender: n % 2 ? alice.userId : evil.userId,
        type: 'org.example',
        message_id: `${n}`,
        messages: { [bob.userId]: { '*': { n } }, [`@u${n}:a.test`]: { '*': {} } },
      },
    }),
    (n) => ({ edu_type: `org.example.${n}`, content: { deep: [[[[[n]]]]] } }),
    () => ({ edu_type: 'm.typing', content: 7 }) as never,
    () => JSON.parse('{"edu_type":"__proto__","content":{"__proto__":{"polluted":true}}}'),
  ]
  for (let round = 0; round < 30; round += 1) {
    const edus = Array.from({ length: 100 }, (_, index) => kinds[(round * 100 + index) % kinds.length]!(round * 100 + index))
    const answer = await evil.ask(a, 'PUT', `${v1}/send/edus${round}`, transaction(world, evil, [], edus))
    expect(answer.status).toBe(200)
  }
  await world.settled()
  const sync = (await bob.request('GET', `${v3}/sync`)).body
  const ephemeral: JsonObject[] = sync.rooms.join[hold.roomId].ephemeral.events
  const typing = ephemeral.find(({ type }) => type === 'm.typing')?.content as { user_ids?: string[] } | undefined
  expect((typing?.user_ids ?? []).filter((userId) => userId !== evil.userId)).toEqual([])
  const receipts = JSON.stringify(ephemeral.find(({ type }) => type === 'm.receipt') ?? {})
  expect(receipts).not.toContain(bob.userId)
  const messages: JsonObject[] = sync.to_device?.events ?? []
  expect(messages.every(({ sender }) => sender === evil.userId)).toBe(true)
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  // Its list is asked for a few times, not for each update.
  expect(evil.asked.filter((path) => path.includes('/user/devices/')).length).toBeLessThan(10)
  const keys = (await alice.request('POST', `${v3}/keys/query`, { device_keys: { [alice.userId]: [] } })).body
  expect(keys.master_keys?.[alice.userId]).toBeUndefined()
  await expectUnharmed()
})

test('many rooms at once, each with a gap, cost a bounded number of questions', async () => {
  const { evil, room, send, expectUnharmed } = await den()
  const holds = [await room(), await room(), await room(), await room()]
  const ghost = { id: `$${'m'.repeat(43)}`, raw: { depth: 2 } }
  const events = holds.flatMap((hold) =>
    Array.from({ length: 12 }, (_, index) => hold.event({ prev: [ghost], ...text(`${index}`) })),
  )
  const before = evil.asked.length
  const results = await send(events.map(({ raw }) => raw))
  expect(Object.values(results).every(({ error }) => error !== undefined)).toBe(true)
  expect(evil.asked.length - before).toBeLessThanOrEqual(events.length * 2)
  await expectUnharmed()
})
