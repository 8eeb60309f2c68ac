import Sqlite from 'better-sqlite3'
import { textMessage } from '../load/lib/content.mjs'
import { inRoom, parsed, type User } from '../load/lib/matrix.mjs'
import { closedLoop, type LoadResult } from '../load/lib/measure.mjs'
import { createTarget, type Target } from '../load/lib/target.mjs'
import { median } from '../load/lib/timings.mjs'
import type { MeasuredServer } from './servers.ts'

export interface RoomSizePlan {
  /** Of the big room. */
  readonly members: number
  /** Sent into each room to see what they leave on disk. */
  readonly messages: number
  /** Turns of each room, and how long one is. */
  readonly turns: number
  readonly seconds: number
}

/** What the number of a room's members costs, by members where it says so. */
export interface RoomSizeResult {
  readonly members: number
  readonly joinsPerSecond: number
  readonly bytesPerJoin: number
  /** Sends per second. */
  readonly rateBySize: ReadonlyMap<number, number>
  readonly diskBytesPerMessage: ReadonlyMap<number, number>
  /** Mean bytes of a message in the client-server API, and as it travels between servers. */
  readonly clientBytes: number
  readonly pduBytes: number
}

const smallSize = 10
const middleSize = 1000
/** At once; no more than fit into the small room. */
const senders = 8

/**
 * Makes a room of 10, one of 1,000 and one of `members` local people through the public API, and measures what sends and joins cost there.
 * Disk is measured on a stopped server, whose whole log has moved into the database: exact, free pages not counted.
 */
export async function measureRoomSize(server: MeasuredServer, plan: RoomSizePlan): Promise<RoomSizeResult> {
  const say = (text: string) => process.stdout.write(`${server.name}: ${text}\n`)
  await server.start()
  const target = createTarget({ name: server.name, url: server.url, register: server.register }, Date.now().toString(36))
  const users = await timed(say, `${plan.members} accounts`, () => target.users(plan.members))
  const sizes = plan.members > middleSize ? [smallSize, middleSize] : [smallSize]
  const rooms = new Map<number, string>()
  for (const size of sizes)
    rooms.set(size, await timed(say, `room of ${size}`, () => target.room(users.slice(0, size), { name: `Room of ${size}` })))

  const before = await diskBytes(server)
  const big = await target.room(users.slice(0, 1), { name: 'Big room' })
  const joins = await work(target, 'joins of the big room', {
    count: plan.members - 1,
    seconds: 3600,
    work: (_, index) => userAt(users, index + 1).join(big),
  })
  say(`${joins.n} joins, ${joins.rate.toFixed(0)}/s`)
  const bytesPerJoin = ((await diskBytes(server)) - before) / joins.n
  rooms.set(plan.members, big)

  const rateBySize = await compareRates(target, users, rooms, plan)
  const diskBytesPerMessage = new Map<number, number>()
  for (const [size, roomId] of rooms) {
    const empty = await diskBytes(server)
    const sent = await work(target, `messages in the room of ${size}`, {
      count: plan.messages,
      seconds: 600,
      work: (lane, index) => userAt(users, lane).send(roomId, textMessage(index)),
    })
    const bytes = ((await diskBytes(server)) - empty) / sent.n
    diskBytesPerMessage.set(size, bytes)
    say(`${sent.n} messages in the room of ${size}: ${bytes.toFixed(0)} bytes each`)
  }
  const clientBytes = await clientJsonBytes(userAt(users, smallSize - 1), rooms.get(smallSize) ?? '')
  await server.stop()
  const pduBytes = pduJsonBytes(server)
  return {
    members: plan.members,
    joinsPerSecond: joins.rate,
    bytesPerJoin,
    rateBySize,
    diskBytesPerMessage,
    clientBytes,
    pduBytes,
  }
}

/** The rooms in turn, so that a slow minute of the machine hits all of them; medians. */
async function compareRates(
  target: Target,
  users: readonly User[],
  rooms: ReadonlyMap<number, string>,
  { turns, seconds }: RoomSizePlan,
): Promise<Map<number, number>> {
  const rates = new Map([...rooms.keys()].map((size): [number, number[]] => [size, []]))
  for (let turn = 0; turn < turns; turn++) {
    for (const [size, found] of rates) {
      const roomId = rooms.get(size) ?? ''
      const sending = (lane: number, index: number) => userAt(users, lane).send(roomId, textMessage(index))
      found.push((await work(target, `sends into the room of ${size}`, { seconds, warmUp: 3, work: sending })).rate)
    }
  }
  return new Map([...rates].map(([size, found]) => [size, median(found)]))
}

type Loop = Omit<Parameters<typeof closedLoop>[2], 'lanes'>

/** Any failure ends the measurement: its figures would be of less work than they say. */
async function work(target: Target, what: string, loop: Loop): Promise<LoadResult> {
  const result = await closedLoop(target, what, { ...loop, lanes: senders })
  if (result.errors > 0 || result.n === 0) throw new Error(`${target.name}: ${what}: ${JSON.stringify(result.failures)}`)
  return result
}

/** Bytes of the pages in use, after a stop that moves the whole log into the database; the server runs again afterwards. */
async function diskBytes(server: MeasuredServer): Promise<number> {
  await server.stop()
  const database = new Sqlite(server.databaseFile)
  database.pragma('wal_checkpoint(TRUNCATE)')
  const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map((name) =>
    Number(database.pragma(name, { simple: true })),
  )
  database.close()
  await server.start()
  return ((pages ?? 0) - (free ?? 0)) * (size ?? 0)
}

type JsonEvent = Readonly<Record<string, unknown>>

const meanMessageBytes = (events: readonly JsonEvent[]) => {
  const messages = events.filter(({ type }) => type === 'm.room.message')
  return messages.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0) / messages.length
}

async function clientJsonBytes(reader: User, roomId: string): Promise<number> {
  const answer = parsed(await reader.call('GET', inRoom(roomId, 'messages?dir=b&limit=100'))) as { chunk: JsonEvent[] }
  return meanMessageBytes(answer.chunk)
}

/** The event as servers exchange it, which is what a stopped server has in its database. */
function pduJsonBytes({ databaseFile, newestMessages }: MeasuredServer): number {
  const database = new Sqlite(databaseFile, { readonly: true })
  const events = database.prepare(newestMessages).pluck().all() as string[]
  database.close()
  return meanMessageBytes(events.map((text) => JSON.parse(text) as JsonEvent))
}

function userAt(users: readonly User[], index: number): User {
  const user = users[index]
  if (!user) throw new Error(`there is no user ${index}`)
  return user
}

async function timed<Result>(say: (text: string) => void, what: string, act: () => Promise<Result>): Promise<Result> {
  const began = performance.now()
  const result = await act()
  say(`${what} made in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  return result
}
