import { setTimeout as sleep } from 'node:timers/promises'
import { textMessage } from '../../load/lib/content.mjs'
import { inRoom, parsed, type User } from '../../load/lib/matrix.mjs'
import { percentiles } from '../../load/lib/timings.mjs'
import { type Federating, joinGenerated, people } from './federating.ts'
import { generateRoom } from './generated-room.ts'
import type { Peers } from './peers.ts'

export interface ReceivingResult {
  readonly perSecond: number
  /** Of a local person who sends meanwhile. */
  readonly senderP50: number
  readonly senderP99: number
}

/** Most that a transaction may have. */
const perTransaction = 50
/** Of the local person, in another room. */
const sendEvery = 50

/**
 * Events of one server with real signatures, a transaction after the other, while a local person sends into another room. The next transaction
 * goes when the last event of the one before can be read: Synapse answers before it has taken what it got, and drops what piles up.
 */
export async function measureReceiving(measured: Federating, peers: Peers, count: number): Promise<ReceivingResult> {
  const [reader, sender] = (await people(measured, 2)) as [User, User]
  const room = generateRoom(peers, 20)
  await joinGenerated(reader, peers, room)
  const elsewhere = await sender.createRoom({ preset: 'public_chat' })
  const events = Array.from({ length: count }, (_, index) => room.next('m.room.message', textMessage(index)))
  const warmUp = events.splice(0, 500)
  const deliver = async (some: Events) => {
    for (let start = 0; start < some.length; start += perTransaction) {
      const together = some.slice(start, start + perTransaction)
      await transact(measured, peers, together)
      await readable(reader, room.roomId, together.at(-1)?.id ?? '')
    }
  }
  await deliver(warmUp)

  const local = sendMeanwhile(sender, elsewhere)
  const began = performance.now()
  await deliver(events)
  const seconds = (performance.now() - began) / 1000
  const { p50, p99 } = percentiles(await local.stop())
  const result = { perSecond: events.length / seconds, senderP50: p50, senderP99: p99 }
  process.stdout.write(
    `${measured.server.name}: ${events.length} events in ${seconds.toFixed(1)} s, local sender ${p50.toFixed(1)} ms (p99 ${p99.toFixed(0)} ms)\n`,
  )
  return result
}

type Events = readonly { readonly id: string; readonly raw: Parameters<Peers['ask']>[3] }[]

let transactions = 0

/** One transaction, of which everything must be taken. */
export async function transact({ place }: Federating, peers: Peers, events: Events): Promise<void> {
  transactions += 1
  const pdus = events.map(({ raw }) => raw ?? {})
  const content = { origin: peers.first.serverName, origin_server_ts: Date.now(), pdus, edus: [] }
  const target = `/_matrix/federation/v1/send/${Date.now()}-${transactions}`
  const answer = (await peers.ask(place, 'PUT', target, content)) as { pdus?: Record<string, { error?: string }> }
  const problem = Object.values(answer.pdus ?? {}).find(({ error }) => error !== undefined)
  if (problem) throw new Error(`an event was not taken: ${problem.error}`)
}

export async function readable(reader: User, roomId: string, eventId: string): Promise<void> {
  const path = inRoom(roomId, `event/${encodeURIComponent(eventId)}`)
  for (const deadline = performance.now() + 600_000; performance.now() < deadline; await sleep(50)) {
    if ((await reader.call('GET', path)).status === 200) return
  }
  throw new Error(`${eventId} never arrived`)
}

/** One message at a time, every 50 ms; `stop` gives how long each took. */
function sendMeanwhile(sender: User, roomId: string): { stop(): Promise<number[]> } {
  const took: number[] = []
  let ended = false
  const loop = (async () => {
    for (let index = 0; !ended; index += 1) {
      const began = performance.now()
      parsed(await sender.send(roomId, textMessage(index)))
      took.push(performance.now() - began)
      await sleep(Math.max(0, sendEvery - (performance.now() - began)))
    }
  })()
  return {
    async stop() {
      ended = true
      await loop
      return took
    },
  }
}
