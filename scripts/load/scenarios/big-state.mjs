// A room that everybody joins, one after the other: does the last join cost more than the first, and what does it leave on disk?

import { textMessage } from '../lib/content.mjs'
import { inRoom } from '../lib/matrix.mjs'
import { closedLoop } from '../lib/measure.mjs'
import { percentiles } from '../lib/timings.mjs'

export const parameters = { rounds: 1, members: 1000, reads: 10, sends: 200, seconds: 600 }
export const quick = { members: 30, reads: 3, sends: 20, seconds: 20 }

export async function* run({ target, parameters: { members, reads, sends, seconds } }) {
  const [owner, ...joining] = await target.users(members)
  const roomId = await owner.createRoom({ preset: 'public_chat' })

  const latencies = []
  const joined = await closedLoop(target, `big-state: join of ${members}`, {
    count: joining.length,
    seconds,
    async work(_, index) {
      const answer = await joining[index].join(roomId)
      latencies.push(answer.ended - answer.began)
      return answer
    },
  })
  const part = Math.max(1, Math.min(100, Math.floor(latencies.length / 3)))
  yield {
    ...joined,
    early: percentiles(latencies.slice(0, part)).p50,
    late: percentiles(latencies.slice(-part)).p50,
    bytesPerJoin: joined.database && joined.database.grown / joined.n,
  }

  for (const what of ['members', 'joined_members', 'state']) {
    let bytes
    yield {
      ...(await closedLoop(target, `big-state: /${what}`, {
        count: reads,
        seconds,
        async work() {
          const answer = await owner.call('GET', inRoom(roomId, what))
          bytes = answer.body.length
          return answer
        },
      })),
      bytes,
    }
  }
  yield await closedLoop(target, 'big-state: send', {
    count: sends,
    seconds: 10,
    warmUp: 3,
    work: (_, index) => owner.send(roomId, textMessage(index)),
  })
}
