// What does it cost to hold many waiting clients?

import { parsed } from '../lib/matrix.mjs'
import { mapWide, observe, paced, settled } from '../lib/measure.mjs'

export const parameters = { rounds: 1, clients: [1000], perSecond: 100 }
export const quick = { clients: [50] }

export async function* run({ target, parameters: { clients, perSecond } }) {
  for (const count of clients) {
    const users = await target.users(count)
    const positions = await mapWide(users, 8, async (user) => parsed(await user.sync()).next_batch)
    await settled(target)

    const timeout = 30_000 + (count / perSecond) * 1500
    yield await observe(target, `idle-syncs ${count}`, async (timings) => {
      const before = target.facts().process?.pssBytes
      const began = performance.now()
      let early = 0
      let holding = true
      const polls = await paced(users, perSecond, async (user, index) => {
        try {
          const due = performance.now() + timeout
          for (let since = positions[index]; ; ) {
            const rest = Math.ceil(due - performance.now())
            const answer = await user.sync({ since, timeout: rest })
            if (!holding) return timings.record(answer, Math.max(0, answer.ended - answer.began - rest))
            // Something new for this client: presence, for example. It asks again, as clients do.
            since = parsed(answer).next_batch
            early++
          }
        } catch (error) {
          timings.fail(error.code ?? error.message)
        }
      })
      await settled(target, timeout)
      const held = target.facts().process?.pssBytes
      const heldAfter = (performance.now() - began) / 1000
      holding = false
      await Promise.all(polls)
      return {
        early,
        heldAfter,
        heldBytes: held - before,
        bytesPerClient: (held - before) / count,
        unit: 'ms later than the timeout',
      }
    })
  }
}
