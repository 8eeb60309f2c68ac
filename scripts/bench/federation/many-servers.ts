import { setTimeout as sleep } from 'node:timers/promises'
import { textMessage } from '../../load/lib/content.mjs'
import { processFacts } from '../../load/lib/machine.mjs'
import { parsed, type User } from '../../load/lib/matrix.mjs'
import { median } from '../../load/lib/timings.mjs'
import { type Federating, forgetPeak, joinGenerated, peakBytes, people } from './federating.ts'
import { generateRoom } from './generated-room.ts'
import type { Peers } from './peers.ts'

export interface ManyServersResult {
  /** Milliseconds until the sender has the answer, median. */
  readonly answered: number
  /** Seconds until the last server has the first message, for which it is connected to; then the median of further ones. */
  readonly firstOut: number
  readonly laterOut: number
  readonly megabytes: number
  /** Hundredths of a core, in the first minute of all being away, and in the third. */
  readonly awayFirst: number
  readonly awayLater: number
}

const minute = 60_000

/** A room with a member of each of the peers; then all of them go away. */
export async function measureManyServers(measured: Federating, peers: Peers, quick: boolean): Promise<ManyServersResult> {
  const { pid } = measured.server
  const [user] = (await people(measured, 1)) as [User]
  const room = generateRoom(peers, peers.signers.length)
  await joinGenerated(user, peers, room)
  await sleep(3000)
  forgetPeak(pid)
  const [answers, outs]: [number[], number[]] = [[], []]
  for (let index = 0; index < 6; index += 1) {
    peers.arrivals()
    const began = performance.now()
    parsed(await user.send(room.roomId, textMessage(index)))
    answers.push(performance.now() - began)
    outs.push((await allArrived(peers, began)) / 1000)
    await sleep(1000)
  }
  const megabytes = peakBytes(pid) / 2 ** 20
  process.stdout.write(
    `${measured.server.name}: ${peers.signers.length} servers, answered ${answers.map((ms) => ms.toFixed(1)).join(', ')} ms, out ${outs.map((s) => s.toFixed(2)).join(', ')} s, peak ${megabytes.toFixed(0)} MB\n`,
  )

  await peers.close()
  parsed(await user.send(room.roomId, textMessage(99)))
  const share = quick ? 5000 : minute
  const awayFirst = await load(pid, share)
  await sleep(share)
  const awayLater = await load(pid, share)
  process.stdout.write(
    `${measured.server.name}: all away, ${awayFirst.toFixed(2)} %, later ${awayLater.toFixed(2)} % of a core\n`,
  )
  const [firstOut = Number.NaN, ...later] = outs
  return { answered: median(answers), firstOut, laterOut: median(later), megabytes, awayFirst, awayLater }
}

/** Milliseconds from `began` until the last server has it. */
async function allArrived(peers: Peers, began: number): Promise<number> {
  const arrived = new Map<string, number>()
  for (const deadline = performance.now() + 120_000; performance.now() < deadline; await sleep(5)) {
    for (const [server, at] of peers.arrivals()) arrived.set(server, at)
    if (arrived.size >= peers.signers.length) return Math.max(...arrived.values()) - began
  }
  throw new Error(`only ${arrived.size} of ${peers.signers.length} servers have the message`)
}

/** Hundredths of a core. */
async function load(pid: number, milliseconds: number): Promise<number> {
  const before = processFacts([pid]).cpuSeconds
  await sleep(milliseconds)
  return ((processFacts([pid]).cpuSeconds - before) / (milliseconds / 1000)) * 100
}
