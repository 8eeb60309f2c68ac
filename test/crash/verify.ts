import { expect } from 'vitest'
import type { Mortal } from './call.ts'
import type { DeviceMessenger, KeyStock, Newcomers, Sender } from './load.ts'
import { type SyncClient, type TimelineEvent, tokenNumber } from './sync-client.ts'

const v3 = '/_matrix/client/v3'

/** A room as `/messages` shows it, read on from where the last reading ended. */
export interface RoomRecord {
  readonly roomId: string
  readonly events: readonly TimelineEvent[]
  /** Reads what is new; `to` is a token of sync. */
  readTo(server: Mortal, token: string, to: string): Promise<void>
}

export function roomRecord(roomId: string): RoomRecord {
  const events: TimelineEvent[] = []
  let read = 's0'
  return {
    roomId,
    events,
    async readTo(server, token, to) {
      for (let from: string | undefined = read; from !== undefined; ) {
        const page = await server.ask(token, 'GET', `${v3}/rooms/${roomId}/messages?dir=f&limit=500&from=${from}&to=${to}`)
        expect(page.status).toBe(200)
        events.push(...page.body.chunk)
        from = page.body.end
      }
      read = to
    },
  }
}

/** Every answered event once and in order; of what was not answered at most the next one. */
export function checkSender({ account, answered, bodyOf }: Sender, room: RoomRecord): void {
  const mine = room.events.filter(({ sender, type }) => sender === account.userId && type === 'm.room.message')
  expect(mine.slice(0, answered.length).map((event) => event.event_id)).toEqual(answered)
  expect(mine.length - answered.length).toBeLessThanOrEqual(1)
  expect(mine.map((event) => event.content.body)).toEqual(mine.map((_, index) => bodyOf(index)))
}

/** The client has the room as it is: no event is missing, none came twice, none in another order. */
export function checkTimelines(client: SyncClient, rooms: readonly RoomRecord[]): void {
  for (const { roomId, events } of rooms)
    expect(client.timelines.get(roomId), client.account.userId).toEqual(events.map((event) => event.event_id))
}

export function checkMessenger({ from, answered }: DeviceMessenger, receiver: SyncClient): void {
  const marks = receiver.marks.get(from.userId) ?? []
  expect(marks).toEqual(marks.map((_, index) => index))
  expect([answered, answered + 1]).toContain(marks.length)
}

/** The keys that are left: none is lost that was not given to somebody, answered or not. */
export async function checkStock(server: Mortal, stock: KeyStock): Promise<void> {
  const { body } = await server.ask(stock.account.token, 'POST', `${v3}/keys/upload`, {})
  const left = body.one_time_key_counts.signed_curve25519 ?? 0
  expect(left + stock.given.size + stock.lost).toBeGreaterThanOrEqual(stock.uploaded)
  expect(left + stock.given.size).toBeLessThanOrEqual(stock.uploaded + 5)
}

/** Takes all keys that are left: none may have been given before. */
export async function drain(server: Mortal, stock: KeyStock, by: SyncClient): Promise<void> {
  const claim = stock.claim(by.account)
  for (let before = -1; stock.given.size > before; ) {
    before = stock.given.size
    expect(await claim.step()).toBe(true)
  }
  const missing = Array.from({ length: stock.uploaded }, (_, number) => `signed_curve25519:${number}`).filter(
    (id) => !stock.given.has(id),
  )
  expect(missing.length).toBeLessThanOrEqual(stock.lost)
  const { body } = await server.ask(stock.account.token, 'POST', `${v3}/keys/upload`, {})
  expect(body.one_time_key_counts.signed_curve25519 ?? 0).toBe(0)
}

/** Those who came since the `first`th are there, with their keys. */
export async function checkNewcomers(server: Mortal, { accounts, deviceKeys }: Newcomers, first: number): Promise<void> {
  for (const { userId, deviceId, token } of accounts.slice(first)) {
    const { body } = await server.ask(token, 'GET', `${v3}/account/whoami`)
    expect(body).toMatchObject({ user_id: userId, device_id: deviceId })
    if (!deviceKeys.has(userId)) continue
    const found = await server.ask(token, 'POST', `${v3}/keys/query`, { device_keys: { [userId]: [] } })
    expect(found.body.device_keys[userId][deviceId]).toMatchObject(deviceKeys.get(userId) as object)
  }
}

/** No token goes back: the first answer after a restart is not behind any before it. */
export async function checkPosition(server: Mortal, token: string, highest: number): Promise<void> {
  const { body } = await server.ask(token, 'GET', `${v3}/sync?timeout=0&filter={"room":{"rooms":[]}}`)
  expect(tokenNumber(body.next_batch)).toBeGreaterThanOrEqual(highest)
}
