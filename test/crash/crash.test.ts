import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { startServerProcess } from '../support/server-process.ts'
import { type Mortal, mortal } from './call.ts'
import { createDice } from './dice.ts'
import { accountOf, deviceMessenger, keyStock, newcomers, registration, sender, type Worker } from './load.ts'
import { type Account, type SyncClient, syncClient, tokenNumber } from './sync-client.ts'
import {
  checkMessenger,
  checkNewcomers,
  checkPosition,
  checkSender,
  checkStock,
  checkTimelines,
  drain,
  roomRecord,
} from './verify.ts'

const v3 = '/_matrix/client/v3'
const rounds = Number(process.env.HAUSBOTE_CRASH_ROUNDS ?? 10)
const seed = Number(process.env.HAUSBOTE_CRASH_SEED ?? Date.now() % 1_000_000)

test(
  `nothing answered is lost by kill -9 (${rounds} rounds, HAUSBOTE_CRASH_SEED=${seed})`,
  async () => {
    process.stdout.write(`crash test: ${rounds} rounds, HAUSBOTE_CRASH_SEED=${seed}\n`)
    const dice = createDice(seed)
    const server = await start()
    const [anna, ben, cora] = [await register(server, 'anna'), await register(server, 'ben'), await register(server, 'cora')]
    const people = [anna, ben, cora]
    const rooms = [roomRecord(await room(server, people)), roomRecord(await room(server, people))]
    const [first, second] = rooms.map(({ roomId }) => roomId) as [string, string]
    const senders = [
      sender(server, anna, first),
      sender(server, ben, first),
      sender(server, ben, second),
      sender(server, cora, second),
    ]
    const messengers = [
      deviceMessenger(server, anna, ben),
      deviceMessenger(server, ben, cora),
      deviceMessenger(server, cora, anna),
    ]
    const stock = keyStock(server, anna)
    const arrivals = newcomers(server, first)
    const workers: Worker[] = [...senders, ...messengers, stock.upload, stock.claim(ben), stock.claim(cora), arrivals]
    const clients = people.map((account) => syncClient(server, account))
    const clientOf = (account: Account) => clients.find((client) => client.account === account) as SyncClient
    let seen = 0

    for (let round = 1; round <= rounds; round += 1) {
      const known = arrivals.accounts.length
      await live(server, dice.below(10) === 0 ? dice.below(40) : 100 + dice.below(700), workers, clients)
      const highest = Math.max(seen, ...clients.map(({ since }) => (since === '' ? 0 : tokenNumber(since))))
      await server.restart()
      await checkPosition(server, anna.token, highest)
      const end = await catchUp(clients)
      seen = Math.max(...end.map(tokenNumber))
      for (const record of rooms) await record.readTo(server, anna.token, clientOf(anna).since)
      for (const one of senders) checkSender(one, rooms.find(({ roomId }) => roomId === one.roomId) as (typeof rooms)[0])
      for (const client of clients) checkTimelines(client, rooms)
      for (const one of messengers) checkMessenger(one, clientOf(one.to))
      await checkStock(server, stock)
      await checkNewcomers(server, arrivals, known)
    }

    // Everything once more, from the beginning.
    for (const record of rooms) {
      const whole = roomRecord(record.roomId)
      await whole.readTo(server, ben.token, clientOf(ben).since)
      expect(whole.events.map((event) => event.event_id)).toEqual(record.events.map((event) => event.event_id))
    }
    await checkNewcomers(server, arrivals, 0)
    await drain(server, stock, clientOf(ben))
    const count = senders.reduce((sum, one) => sum + one.answered.length, 0)
    process.stdout.write(
      `crash test: ${count} events, ${messengers.reduce((sum, one) => sum + one.answered, 0)} messages to devices, ` +
        `${stock.given.size} one-time keys, ${arrivals.accounts.length} accounts\n`,
    )
    expect(count).toBeGreaterThan(rounds)
  },
  60_000 + rounds * 10_000,
)

async function start(): Promise<Mortal> {
  const server = mortal(
    await startServerProcess({
      HAUSBOTE_SERVER_NAME: 'a.test',
      HAUSBOTE_REGISTRATION: 'open',
      HAUSBOTE_RATE_LIMITS: 'off',
      HAUSBOTE_LOG_LEVEL: 'warn',
    }),
  )
  onTestFinished(() => server.process.remove())
  return server
}

async function register(server: Mortal, name: string): Promise<Account> {
  return accountOf((await server.ask(undefined, 'POST', `${v3}/register`, registration(name))).body)
}

async function room(server: Mortal, [maker, ...others]: readonly Account[]): Promise<string> {
  const { body } = await server.ask(maker?.token, 'POST', `${v3}/createRoom`, { preset: 'public_chat' })
  for (const other of others) await server.ask(other.token, 'POST', `${v3}/join/${body.room_id}`, {})
  return body.room_id
}

/** All at work until the server is killed. */
async function live(server: Mortal, lifetime: number, workers: readonly Worker[], clients: readonly SyncClient[]): Promise<void> {
  const work = async (step: () => Promise<boolean>) => {
    while (server.alive && (await step()));
  }
  const all = [...workers.map((worker) => work(() => worker.step())), ...clients.map((client) => work(() => client.sync(5000)))]
  const failed = Promise.all(all)
  await Promise.race([sleep(lifetime), failed])
  await server.kill()
  await failed
}

/** Syncs of all clients until there is nothing new; the last tokens. */
async function catchUp(clients: readonly SyncClient[]): Promise<string[]> {
  for (const client of clients) {
    for (let before = ''; client.since === '' || client.since !== before; ) {
      before = client.since
      expect(await client.sync(0)).toBe(true)
    }
  }
  return clients.map((client) => client.since)
}
