import { BlockList } from 'node:net'
import { expect, test } from 'vitest'
import { authenticateServers } from '../../src/federation/authenticate.ts'
import { authorizationFor } from '../../src/federation/request-auth.ts'
import { type EduReceiver, type IntakeDeps, transactionEndpoints } from '../../src/federation/transactions.ts'
import { MatrixError } from '../../src/http/errors.ts'
import { mount } from '../../src/http/mount.ts'
import { noRateLimits } from '../../src/http/rate-limits.ts'
import { canonicalJson } from '../../src/matrix/canonical-json.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { JsonFloat, type JsonObject } from '../../src/matrix/json.ts'
import { importVerifyKey } from '../../src/matrix/signatures.ts'
import { statement } from '../../src/storage/handles.ts'
import { StorageProblem } from '../../src/storage/problems.ts'
import { capturedLog } from '../support/log.ts'
import { createWorld } from '../support/world.ts'
import { signerOf } from './kit.ts'
import { numbered } from './sender-kit.ts'

const own = 'a.test' as ServerName
const rows = statement<[], number>('SELECT count(*) FROM received_transactions', 'pluck')

type Pdus = IntakeDeps['pdus']
const named = (pdus: readonly JsonObject[]) => Object.fromEntries(pdus.map(({ name }) => [name as string, {}]))

/** The endpoint on the data of a server, with receivers that write down what they get. */
async function intake({ pdus, edus }: { pdus?: Pdus; edus?: ReadonlyMap<string, EduReceiver> } = {}) {
  const world = await createWorld()
  const { app } = await world.server(own)
  const { log, lines } = capturedLog()
  const got: string[] = []
  const takePdus: Pdus = async (origin, events) => {
    got.push(...events.map(({ name }) => `${origin} ${name}`))
    return named(events)
  }
  const receivers = new Map<string, EduReceiver>([['m.test', (origin, { name }) => void got.push(`${origin} ${name}`)]])
  const begin = () =>
    mount(
      transactionEndpoints({ storage: app.storage, clock: world.clock, log, pdus: pdus ?? takePdus, edus: edus ?? receivers }),
      {
        clock: world.clock,
        log,
        rateLimits: noRateLimits,
        trustedProxies: new BlockList(),
        authenticateServer: authenticateServers(
          own,
          { requestKey: async (server) => importVerifyKey(signerOf(server).publicKey), eventKeys: async () => () => undefined },
          () => undefined,
        ),
        explain: (error) => (error instanceof StorageProblem ? new MatrixError(503, 'M_UNKNOWN', 'no space') : undefined),
        observe: () => undefined,
      },
    )
  let http = begin()
  async function send(id: string, content: JsonObject, origin = 'b.test') {
    const target = `/_matrix/federation/v1/send/${encodeURIComponent(id)}`
    const authorization = authorizationFor(signerOf(origin), { method: 'PUT', target, destination: own, content })
    const response = await http.request(target, {
      method: 'PUT',
      headers: { authorization },
      body: canonicalJson(content, 'lenient'),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return {
    world,
    storage: app.storage,
    got,
    lines,
    send,
    restart() {
      http = begin()
    },
  }
}

const events = (...names: string[]) => names.map((name) => ({ name }))
const edu = (name: string, type = 'm.test') => ({ edu_type: type, content: { name } })
const transaction = (more: JsonObject): JsonObject => ({ origin: 'b.test', origin_server_ts: 1, pdus: [], ...more })

test('events, then EDUs in their order; the answer names each event', async () => {
  const { send, got } = await intake()
  expect(await send('1', transaction({ pdus: events('$1', '$2'), edus: [edu('x'), edu('y')] }))).toEqual({
    status: 200,
    body: { pdus: { $1: {}, $2: {} } },
  })
  expect(got).toEqual(['b.test $1', 'b.test $2', 'b.test x', 'b.test y'])
  expect(await send('2', transaction({}))).toEqual({ status: 200, body: { pdus: {} } })
})

test('a transaction is carried out once, also over a restart; those of others are others', async () => {
  const { send, got, restart } = await intake()
  const content = transaction({ pdus: events('$1'), edus: [edu('x')] })
  const first = await send('1', content)
  expect(await send('1', content)).toEqual(first)
  restart()
  expect(await send('1', content)).toEqual(first)
  expect(got).toEqual(['b.test $1', 'b.test x'])
  await send('1', { ...content, origin: 'c.test' }, 'c.test')
  await send('2', content)
  expect(got.slice(2)).toEqual(['c.test $1', 'c.test x', 'b.test $1', 'b.test x'])
})

test('one that comes again while it is carried out waits for the same answer', async () => {
  let finish: () => void = () => undefined
  let begun = 0
  const { send } = await intake({
    async pdus(_, pdus) {
      begun += 1
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return named(pdus)
    },
  })
  const content = transaction({ pdus: events('$1') })
  const both = [send('1', content), send('1', content)]
  while (begun === 0) await new Promise((resolve) => setImmediate(resolve))
  finish()
  expect(await Promise.all(both)).toEqual(new Array(2).fill({ status: 200, body: { pdus: { $1: {} } } }))
  expect(begun).toBe(1)
})

test('one of a server at a time, those of others beside it, and only a few wait', async () => {
  const waiting: (() => void)[] = []
  let underWay = 0
  const { send } = await intake({
    async pdus(_, pdus) {
      underWay += 1
      await new Promise<void>((resolve) => waiting.push(resolve))
      underWay -= 1
      return named(pdus)
    },
  })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const statuses: number[] = []
  const ask = (id: string, origin: string) =>
    send(id, { pdus: events('$1') }, origin).then(({ status }) => {
      statuses.push(status)
    })
  const asked = numbered('t', 8).map((id) => ask(id, 'b.test'))
  while (statuses.length < 2) await turn()
  expect([statuses, underWay]).toEqual([[429, 429], 1])
  asked.push(ask('t', 'c.test'))
  while (underWay < 2) await turn()
  while (statuses.length < 9) {
    waiting.shift()?.()
    await turn()
    expect(underWay).toBeLessThanOrEqual(2)
  }
  await Promise.all(asked)
  expect(statuses.slice(2)).toEqual(new Array(7).fill(200))
})

test('a transaction that was cut off is carried out again', async () => {
  let broken = true
  const got: string[] = []
  const edus = new Map<string, EduReceiver>([
    [
      'm.test',
      () => {
        if (broken) throw new StorageProblem('full', 'no space')
        got.push('edu')
      },
    ],
  ])
  const { send, storage } = await intake({
    async pdus(_, pdus) {
      got.push('pdu')
      return named(pdus)
    },
    edus,
  })
  const content = transaction({ pdus: events('$1'), edus: [edu('x')] })
  expect((await send('1', content)).status).toBe(503)
  expect(rows(storage.reader).get()).toBe(0)
  broken = false
  expect(await send('1', content)).toEqual({ status: 200, body: { pdus: { $1: {} } } })
  expect(got).toEqual(['pdu', 'pdu', 'edu'])
})

test('what is bad or unknown does not keep the rest', async () => {
  const edus = new Map<string, EduReceiver>([
    [
      'm.bad',
      () => {
        throw new Error('a fault')
      },
    ],
    ['m.test', (_, { name }) => void took.push(name as string)],
  ])
  const took: string[] = []
  const { send, lines } = await intake({ edus })
  const bad = [
    edu('x', 'm.bad'),
    edu('x', 'm.unknown'),
    7,
    null,
    { edu_type: 'm.test' },
    { content: {} },
    { edu_type: 5, content: {} },
  ]
  const content = transaction({
    pdus: [5, null, 'event', ...events('$1')] as JsonObject[],
    edus: [...(bad as JsonObject[]), edu('good')],
  })
  expect(await send('1', content)).toEqual({ status: 200, body: { pdus: { $1: {} } } })
  expect(took).toEqual(['good'])
  expect(lines.filter(({ level }) => level === 50)).toMatchObject([{ origin: 'b.test', type: 'm.bad' }])
})

test('errors about single events are answered, and answered again', async () => {
  const { send } = await intake({ pdus: async () => ({ $1: { error: 'no' }, $2: {} }) as Awaited<ReturnType<Pdus>> })
  const answer = { status: 200, body: { pdus: { $1: { error: 'no' }, $2: {} } } }
  expect(await send('1', transaction({ pdus: events('$1', '$2') }))).toEqual(answer)
  expect(await send('1', transaction({ pdus: events('$1', '$2') }))).toEqual(answer)
})

test('numbers of events arrive as they were written', async () => {
  let got: readonly JsonObject[] = []
  const { send } = await intake({
    async pdus(_, pdus) {
      got = pdus
      return {}
    },
  })
  const event = { big: 12345678901234567890n, exact: new JsonFloat(1), small: 1e-7 }
  expect((await send('1', transaction({ pdus: [event] }))).status).toBe(200)
  expect(got).toEqual([event])
})

test('limits, each named', async () => {
  const { send, got } = await intake()
  const refused = async (content: JsonObject, id = '1') => {
    const { status, body } = await send(id, content)
    return [status, body.errcode, body.error]
  }
  const many = (count: number) => events(...numbered('$', count))
  expect(await refused(transaction({ pdus: many(51) }))).toEqual([400, 'M_BAD_JSON', expect.stringMatching(/^pdus: .*50/)])
  const edus = numbered('e', 101).map((one) => edu(one))
  expect(await refused(transaction({ edus }))).toEqual([400, 'M_BAD_JSON', expect.stringMatching(/^edus: .*100/)])
  expect(await refused(transaction({ pdus: {} }))).toEqual([400, 'M_BAD_JSON', expect.stringMatching(/^pdus: /)])
  expect(await refused(transaction({ origin: 'c.test' }))).toEqual([400, 'M_INVALID_PARAM', expect.stringMatching(/^origin: /)])
  expect(await refused(transaction({}), 'x'.repeat(256))).toEqual([400, 'M_INVALID_PARAM', expect.stringMatching(/^txnId: /)])
  expect(got).toEqual([])
  expect((await send('1', transaction({ pdus: many(50), edus: edus.slice(1) }))).status).toBe(200)
  expect(got.length).toBe(150)
})

test('fifty events of the largest size pass, in escapes', async () => {
  const { send, got } = await intake()
  const pdus = numbered('$', 50).map((name) => ({ name, text: '\u0001'.repeat(32_000) }))
  expect((await send('1', transaction({ pdus }))).status).toBe(200)
  expect(got.length).toBe(50)
  const { status, body } = await send('2', transaction({ pdus: pdus.map(({ name }) => ({ name, text: 'x'.repeat(300_000) })) }))
  expect([status, body.errcode]).toEqual([413, 'M_TOO_LARGE'])
})

test('answers are kept for a day, and a bounded number for each server', async () => {
  const { send, storage, world, got } = await intake()
  for (const id of numbered('t', 80)) {
    await world.clock.advance(1000)
    await send(id, transaction({ pdus: events(id) }))
  }
  expect(rows(storage.reader).get()).toBe(50)
  await send('t79', transaction({ pdus: events('t79') }))
  expect(got.length).toBe(80)
  await world.clock.advance(25 * 3_600_000)
  for (const id of numbered('t', 3)) await send(id, { pdus: [] }, 'c.test')
  expect(rows(storage.reader).get()).toBe(3)
})
