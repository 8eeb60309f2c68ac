import { setTimeout as sleep } from 'node:timers/promises'
import { processFacts } from '../load/lib/machine.mjs'
import { parsed, type User } from '../load/lib/matrix.mjs'
import { mapWide, paced } from '../load/lib/measure.mjs'
import { createTarget } from '../load/lib/target.mjs'
import type { MeasuredServer } from './servers.ts'

/** Clients that connect in one second. */
const perSecond = 100
const width = 8
/** Clients that have asked before memory is read the first time, so that code and buffers are there. */
const warmUp = 50
/** Longer than connecting and settling takes. */
const settling = 15_000

const nextBatch = (answer: Awaited<ReturnType<User['sync']>>) => (parsed(answer) as { next_batch: string }).next_batch

/**
 * Bytes by which the server grows for each client that waits in `/sync`, without a room or anything else to tell.
 * The server has been restarted after the accounts were made: a process that has worked hard before takes the new
 * requests into memory that it holds already, and seems to need nothing for them.
 */
export async function measureLongPolls(server: MeasuredServer, clients: number): Promise<number> {
  await server.start()
  const target = createTarget({ name: server.name, url: server.url, register: server.register }, Date.now().toString(36))
  const users = await target.users(clients)
  await server.stop()
  await server.start()
  for (const user of users.slice(0, warmUp)) nextBatch(await user.sync({ since: nextBatch(await user.sync()), timeout: 1 }))
  const positions = await mapWide(users, width, async (user) => nextBatch(await user.sync()))
  await sleep(settling)
  const before = processFacts([server.pid]).aloneBytes

  const timeout = (clients / perSecond) * 1000 + 3 * settling
  const polls = await paced(users, perSecond, async (user, index) => {
    const answer = await user.sync({ since: positions[index] ?? '', timeout })
    parsed(answer)
    return answer.ended - answer.began
  })
  await sleep(settling)
  const held = processFacts([server.pid]).aloneBytes
  const early = (await Promise.all(polls)).filter((ms) => ms < timeout - 1)
  await server.stop()
  if (early.length > 0) throw new Error(`${server.name}: ${early.length} of ${clients} clients did not wait`)
  const bytes = (held - before) / clients
  process.stdout.write(`${server.name}: ${clients} clients wait, ${bytes.toFixed(0)} bytes each\n`)
  return bytes
}
