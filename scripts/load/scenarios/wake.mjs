// Everybody waits in /sync; one sends. When has the first, the middle and the last one received it?

import { parsed } from '../lib/matrix.mjs'
import { mapWide, observe, paced, settled } from '../lib/measure.mjs'
import { median, percentiles } from '../lib/timings.mjs'

export const parameters = { members: [100, 500], messages: 10, timeout: 60_000, connectsPerSecond: 100 }
export const quick = { members: [20], messages: 3 }

export async function* run({ target, round, parameters: { members: sizes, messages, timeout, connectsPerSecond } }) {
  for (const size of sizes) {
    const [sender, ...members] = await target.users(size + 1)
    const roomId = await target.once(`wake ${size}`, () => target.room([sender, ...members]))
    const positions = await mapWide(members, 8, async (member) => parsed(await member.sync()).next_batch)

    /** Waits, however often the server answers with something else, until the marker is there. */
    const receive = async (index, marker) => {
      for (;;) {
        const answer = await members[index].sync({ since: positions[index], timeout })
        positions[index] = parsed(answer).next_batch
        if (answer.body.includes(marker)) return answer.ended
      }
    }

    const firsts = []
    const medians = []
    const answered = []
    yield await observe(target, `wake ${size}`, async (timings) => {
      for (let message = 0; message < messages; message++) {
        const marker = `wake ${round}.${message} of ${size}`
        const perSecond = message === 0 ? connectsPerSecond : Infinity // later polls go over the same connections
        const waiting = await paced(members, perSecond, (_, index) =>
          receive(index, marker).catch((error) => {
            timings.fail(error.code ?? error.message)
          }),
        )
        await settled(target, 15_000)
        const answer = await sender.send(roomId, { msgtype: 'm.text', body: marker })
        parsed(answer)
        const delays = (await Promise.all(waiting)).filter(Number.isFinite).map((at) => at - answer.began)
        const { p50, max } = percentiles(delays)
        firsts.push(Math.min(...delays))
        medians.push(p50)
        answered.push(answer.ended - answer.began)
        timings.add(max)
      }
      return { first: median(firsts), middle: median(medians), last: median(timings.latencies), answered: median(answered) }
    })
  }
}
