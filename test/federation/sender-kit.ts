import { onTestFinished } from 'vitest'
import { createFederationClient } from '../../src/federation/client.ts'
import { countWaiting, type Edu } from '../../src/federation/outbox.ts'
import { isSigned, parseAuthorization } from '../../src/federation/request-auth.ts'
import { createRetries } from '../../src/federation/retry.ts'
import { createSender, type Sender } from '../../src/federation/sender.ts'
import { createTransport } from '../../src/federation/transport.ts'
import { parseJson } from '../../src/matrix/canonical-json.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { importVerifyKey, type Signer } from '../../src/matrix/signatures.ts'
import type { Milliseconds } from '../../src/platform/clock.ts'
import type { Log } from '../../src/platform/log.ts'
import type { Position, Writer } from '../../src/storage/handles.ts'
import { capturedLog } from '../support/log.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld, type World } from '../support/world.ts'
import { signerOf } from './kit.ts'

/** Of the sender. */
const startDelay = 2000
export const name = (text: string) => text as ServerName
export const b = name('b.test')

/** What a server got in one transaction: names of events and EDUs in their order. */
export interface Got {
  readonly id: string
  readonly pdus: readonly string[]
  readonly edus: readonly string[]
  readonly raw: string
}

type Judgement = (got: Got) => Response | Promise<Response>

/** A server that takes transactions, checks that they are signed, and answers as it is told. */
export interface Taker {
  readonly got: readonly Got[]
  /** Requests without an answer yet. */
  readonly underWay: number
  answer(judgement: Judgement): void
}

export const fine = () => Response.json({ pdus: {} })
export const refuse = (status: number) => Response.json({ errcode: 'M_UNKNOWN', error: 'no' }, { status })

function createTaker(world: World, server: string, sender: Signer): Taker {
  const got: Got[] = []
  let underWay = 0
  let judge: Judgement = fine
  const key = importVerifyKey(sender.publicKey)
  world.network.host(server, async (request) => {
    underWay += 1
    try {
      const { pathname } = new URL(request.url)
      const raw = await request.text()
      const parsed = parseJson(raw, 'lenient')
      const claimed = parseAuthorization(request.headers.get('authorization') ?? '')
      if ('problem' in key || 'problem' in claimed || 'problem' in parsed) throw new Error('not a signed request')
      const { value: content } = parsed
      if (!isSigned({ method: request.method, target: pathname, destination: name(server), content }, claimed, key))
        return Response.json({ errcode: 'M_UNAUTHORIZED', error: 'the signature is wrong' }, { status: 401 })
      const { pdus, edus } = content as unknown as { pdus: { name: string }[]; edus?: { content: { name: string } }[] }
      const one = { id: pathname.split('/').at(-1) ?? '', pdus: pdus.map((pdu) => pdu.name), edus: namesOf(edus), raw }
      got.push(one)
      return await judge(one)
    } finally {
      underWay -= 1
    }
  })
  return {
    got,
    get underWay() {
      return underWay
    },
    answer(judgement) {
      judge = judgement
    },
  }
}

const namesOf = (edus: { content: { name: string } }[] | undefined) => (edus ?? []).map(({ content }) => content.name)

/** A sender at work on the data of a server `a.test`, whose events are only names. */
export interface SenderKit {
  readonly world: World
  /** Of the present one, after a restart. */
  readonly sender: Sender
  readonly signer: Signer
  readonly lines: readonly Record<string, unknown>[]
  readonly storage: Awaited<ReturnType<World['server']>>['app']['storage']
  readonly client: ReturnType<typeof createFederationClient>
  taker(server?: string): Taker
  /** Queues events in one write. */
  events(names: readonly string[], destinations?: readonly ServerName[], room?: number): Promise<void>
  /** Queues an event of which this is the JSON. */
  event(json: string, destinations?: readonly ServerName[]): Promise<void>
  edu(name: string, edu?: Partial<Edu>, destinations?: readonly ServerName[]): Promise<void>
  waiting(server?: ServerName): { readonly pdus: number; readonly edus: number }
  /** Ends the sender without any goodbye and begins with another one on the same data. */
  restart(): void
}

export interface KitOptions {
  /** A test with such begins before they are greeted; others begin when that is over. */
  readonly partners?: readonly ServerName[]
  readonly signer?: (signer: Signer) => Signer
}

export async function senderKit({ partners = [], signer: guard = (signer) => signer }: KitOptions = {}): Promise<SenderKit> {
  const world = await createWorld()
  const server = await world.server('a.test')
  const { storage } = server.app
  const { log, lines } = capturedLog()
  const plain = signerOf('a.test')
  const signer = guard(plain)
  const texts = new Map<Position, string>()
  const begin = () => startSender(world, storage, signer, log, partners, texts)
  let running = begin()
  onTestFinished(() => running.sender.close())
  if (partners.length === 0) await world.clock.advance(startDelay)

  const write = (action: (tx: Writer) => void) => storage.write(action)
  const queue = (json: readonly string[], destinations: readonly ServerName[], room: number) =>
    write((tx) => {
      for (const text of json) {
        const position = tx.nextPosition()
        texts.set(position, text)
        running.sender.enqueuePdu(tx, destinations, position, room)
      }
    })
  return {
    world,
    signer,
    lines,
    storage,
    get sender() {
      return running.sender
    },
    get client() {
      return running.client
    },
    taker: (other = b) => createTaker(world, other, plain),
    events: (names, destinations = [b], room = 1) =>
      queue(
        names.map((one) => JSON.stringify({ name: one })),
        destinations,
        room,
      ),
    event: (json, destinations = [b]) => queue([json], destinations, 1),
    edu: (text, edu = {}, destinations = [b]) =>
      write((tx) => running.sender.enqueueEdu(tx, destinations, { type: 'm.direct_to_device', content: { name: text }, ...edu })),
    waiting: (other = b) => countWaiting(storage.reader, other),
    restart() {
      running.sender.close()
      running = begin()
    },
  }
}

function startSender(
  world: World,
  storage: SenderKit['storage'],
  signer: Signer,
  log: Log,
  partners: readonly ServerName[],
  texts: ReadonlyMap<Position, string>,
) {
  const { clock, network } = world
  const retries = createRetries({ clock, random: seededRandom('retries') })
  const transport = createTransport({
    discover: async (server) => ({ places: [{ host: server, port: 8448 }], hostHeader: server, tlsName: server }),
    egress: { exchange: network.exchange, get: () => Promise.reject(new Error('nobody is asked for .well-known')) },
    unreachable: retries,
  })
  const client = createFederationClient({ signer, transport })
  const random = seededRandom('sender')
  const sender = createSender({ storage, client, clock, timers: clock, random, log, serverName: signer.serverName, retries })
  sender.start(
    (_, position) => texts.get(position),
    () => partners,
  )
  return { sender, client }
}

/** Lets what has been set in motion go on until something is so. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

export const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** Time goes by in small steps, and what each sets in motion comes to its end. */
export async function pass(world: World, time: Milliseconds, step: Milliseconds = 500): Promise<void> {
  for (let passed = 0; passed < time; passed += step) {
    await world.clock.advance(Math.min(step, time - passed))
    await world.settled()
  }
}
