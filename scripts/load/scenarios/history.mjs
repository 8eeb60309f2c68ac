// How fast can a long room be read back, a hundred events at a time?

import { textMessage } from '../lib/content.mjs'
import { inRoom, parsed } from '../lib/matrix.mjs'
import { closedLoop } from '../lib/measure.mjs'

export const parameters = { events: 5000, lanes: 8, seconds: 10, count: 20_000 }
export const quick = { events: 300, seconds: 2 }

const writers = 16

export async function* run({ target, parameters: { events, lanes, seconds, count } }) {
  const users = await target.users(writers)
  const { roomId, filling } = await target.once('history', async () => {
    const roomId = await target.room(users)
    const filling = await closedLoop(target, 'history: fill', {
      lanes: writers,
      count: events,
      seconds: 600,
      work: (lane, index) => users[lane].send(roomId, textMessage(index)),
    })
    return { roomId, filling: [filling] }
  })
  yield* filling.splice(0) // reported in the first round only

  const page = (user, from) =>
    user.call('GET', inRoom(roomId, `messages?dir=b&limit=100${from ? `&from=${encodeURIComponent(from)}` : ''}`))
  const { starts, found } = await walk(page, users[0])
  yield {
    ...(await closedLoop(target, 'history: pages of 100', {
      lanes,
      seconds,
      count,
      warmUp: 1,
      work: (lane, index) => page(users[lane], starts[(Math.max(0, index) * 7 + lane) % starts.length]),
    })),
    pages: starts.length,
    lost: Math.max(0, events - found),
  }
}

/** Reads the whole room once: where each full page starts, and how many messages there were. */
async function walk(page, user) {
  const starts = []
  let found = 0
  for (let from; ; ) {
    const { chunk, end } = parsed(await page(user, from))
    found += chunk.filter((event) => event.type === 'm.room.message').length
    if (chunk.length === 100) starts.push(from)
    if (!end || chunk.length === 0) return { starts, found }
    from = end
  }
}
