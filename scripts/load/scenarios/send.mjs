// How many events per second does the server take, and how long does each sender wait for its answer?

import { textMessage } from '../lib/content.mjs'
import { parsed } from '../lib/matrix.mjs'
import { closedLoop } from '../lib/measure.mjs'

export const parameters = { shapes: ['1x1', '1x8', '1x32', '8x4'], seconds: 10, count: 20_000, readBack: 100 }
export const quick = { shapes: ['1x1', '1x8'], seconds: 2 }

export const run = sending('send', textMessage)

/** A scenario that sends `content(index)` as events of `type`; a shape `8x4` is 8 rooms with 4 senders each. */
export function sending(name, content, type) {
  return async function* ({ target, parameters: { shapes, seconds, count, readBack } }) {
    for (const shape of shapes) {
      const [rooms, senders] = shape.split('x').map(Number)
      const lanes = rooms * senders
      const users = await target.users(lanes)
      const roomIds = []
      for (let room = 0; room < rooms; room++) roomIds.push(await target.room(users.slice(room * senders, (room + 1) * senders)))
      const roomOf = (lane) => roomIds[Math.floor(lane / senders)]

      const sent = []
      const result = await closedLoop(target, `${name} ${shape}`, {
        lanes,
        seconds,
        count,
        warmUp: 3,
        async work(lane, index) {
          const answer = await users[lane].send(roomOf(lane), content(index), type)
          if (answer.status === 200) sent.push({ lane, body: answer.body })
          return answer
        },
      })
      const sample = every(sent, readBack)
      let found = 0
      for (const { lane, body } of sample)
        found += await target.readBack(users[lane], roomOf(lane), [parsed({ status: 200, body }).event_id])
      yield { ...result, readBack: `${found}/${sample.length}`, lost: sample.length - found }
    }
  }
}

/** At most `count` of the items, evenly spread. */
function every(items, count) {
  const step = Math.max(1, items.length / count)
  return Array.from({ length: Math.min(count, items.length) }, (_, index) => items[Math.floor(index * step)])
}
