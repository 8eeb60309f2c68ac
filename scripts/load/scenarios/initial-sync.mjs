// How long does a new device of a user in many rooms wait for its first /sync?
// Every repetition carries another filter, so that no server can answer from a cache of whole responses.

import { textMessage } from '../lib/content.mjs'
import { closedLoop, mapWide } from '../lib/measure.mjs'

export const parameters = { rooms: 50, members: 5, events: 20, count: 20, seconds: 30 }
export const quick = { rooms: 5, count: 5 }

export async function* run({ target, round, parameters: { rooms, members, events, count, seconds } }) {
  const users = await target.users(members)
  const account = await target.once('initial-sync', async () => {
    const account = await target.newUser('many-rooms')
    await mapWide(Array.from({ length: rooms }), 4, async (_, index) => {
      const roomId = await target.room([users[0], account, ...users.slice(1)], { name: `Room ${index}`, topic: 'Appointments' })
      for (let event = 0; event < events; event++) await users[event % members].send(roomId, textMessage(event))
    })
    return account
  })
  let bytes
  yield {
    ...(await closedLoop(target, `initial-sync of ${rooms} rooms`, {
      count,
      seconds,
      async work(_, index) {
        const filter = JSON.stringify({
          room: {
            state: { lazy_load_members: true },
            timeline: { limit: 20 },
            account_data: { limit: 1000 + round * 1000 + index },
          },
        })
        const answer = await account.sync({ filter })
        bytes = answer.body.length
        return answer
      },
    })),
    bytes,
  }
}
