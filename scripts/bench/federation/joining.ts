import { setTimeout as sleep } from 'node:timers/promises'
import { textMessage } from '../../load/lib/content.mjs'
import { parsed, type User } from '../../load/lib/matrix.mjs'
import { type Federating, forgetPeak, joinGenerated, peakBytes, people } from './federating.ts'
import { generateRoom } from './generated-room.ts'
import type { Peers } from './peers.ts'

export interface JoiningResult {
  readonly seconds: number
  /** Peak of resident memory. */
  readonly megabytes: number
  /** Milliseconds of the first message after the join. */
  readonly firstSend: number
}

/** Joins a room with members of all the peers, after a small one that has loaded the code. */
export async function measureJoining(measured: Federating, peers: Peers, members: number): Promise<JoiningResult> {
  const [user] = (await people(measured, 1)) as [User]
  await joinGenerated(user, peers, generateRoom(peers, 5))
  const room = generateRoom(peers, members)
  await sleep(2000)
  forgetPeak(measured.server.pid)
  const took = await joinGenerated(user, peers, room)
  const began = performance.now()
  parsed(await user.send(room.roomId, textMessage(0)))
  const firstSend = performance.now() - began
  const result = { seconds: took / 1000, megabytes: peakBytes(measured.server.pid) / 2 ** 20, firstSend }
  process.stdout.write(
    `${measured.server.name}: ${members} members joined in ${result.seconds.toFixed(2)} s, peak ${result.megabytes.toFixed(0)} MB, first send ${firstSend.toFixed(1)} ms\n`,
  )
  return result
}
