import type { User } from '../../load/lib/matrix.mjs'
import { median } from '../../load/lib/timings.mjs'
import { type Federating, joinGenerated, people } from './federating.ts'
import { generateRoom } from './generated-room.ts'
import type { Peers } from './peers.ts'
import { readable, transact } from './receiving.ts'

const rounds = 30

/** Milliseconds to take two contradicting topics and a message that stands on both, by members of the room; medians. */
export async function measureConflicts(
  measured: Federating,
  peers: Peers,
  sizes: readonly number[],
): Promise<Map<number, number>> {
  const [user] = (await people(measured, 1)) as [User]
  const bySize = new Map<number, number>()
  for (const size of sizes) {
    const room = generateRoom(peers, size)
    await joinGenerated(user, peers, room)
    const took: number[] = []
    let base = room.next('m.room.message', { msgtype: 'm.text', body: 'base' })
    await transact(measured, peers, [base])
    for (let round = 0; round < rounds; round += 1) {
      const sides = ['one', 'other'].map((topic) =>
        room.next('m.room.topic', { topic: `${topic} ${round}` }, { stateKey: '', on: [base] }),
      )
      const merge = room.next('m.room.message', { msgtype: 'm.text', body: `merged ${round}` }, { on: sides })
      const began = performance.now()
      await transact(measured, peers, [...sides, merge])
      took.push(performance.now() - began)
      base = merge
    }
    await readable(user, room.roomId, base.id)
    bySize.set(size, median(took))
    process.stdout.write(`${measured.server.name}: a conflict in a room of ${size}: ${median(took).toFixed(1)} ms\n`)
  }
  return bySize
}
