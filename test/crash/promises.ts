import { expect } from 'vitest'
import type { App } from '../../src/app.ts'
import { oneTimeKeys } from '../keys/key-material.ts'
import type { TestUser } from '../support/world.ts'
import type { Dice } from './dice.ts'

const v3 = '/_matrix/client/v3'

/** What an answer told a client: it must hold for ever. */
export type Promised =
  | { readonly kind: 'event'; readonly roomId: string; readonly eventId: string }
  | { readonly kind: 'account'; readonly token: string; readonly userId: string }
  | { readonly kind: 'data'; readonly type: string }
  | { readonly kind: 'message'; readonly mark: number }
  | { readonly kind: 'key'; readonly id: string }
  | { readonly kind: 'claim'; readonly id: string }
  | { readonly kind: 'token'; readonly position: number }

export interface People {
  readonly alice: TestUser
  readonly bob: TestUser
  readonly roomId: string
  register(name: string): Promise<TestUser>
}

let number = 0

/** One random request; what its answer promised. */
export async function act(dice: Dice, { alice, bob, roomId, register }: People): Promise<Promised | undefined> {
  number += 1
  const n = number
  switch (dice.below(9)) {
    case 0: {
      const user = await register(`new${n}`)
      return { kind: 'account', token: user.accessToken, userId: user.userId }
    }
    case 1: {
      await ok(alice, 'PUT', `${v3}/user/${alice.userId}/account_data/test.${n}`, { n })
      return { kind: 'data', type: `test.${n}` }
    }
    case 2: {
      const messages = { [bob.userId]: { [bob.deviceId]: { mark: n } } }
      await ok(alice, 'PUT', `${v3}/sendToDevice/test.mark/${n}`, { messages })
      return { kind: 'message', mark: n }
    }
    case 3: {
      const keys = oneTimeKeys(alice.userId, alice.deviceId, n, 1)
      await ok(alice, 'POST', `${v3}/keys/upload`, { one_time_keys: keys })
      return { kind: 'key', id: `signed_curve25519:${n}` }
    }
    case 4: {
      const id = await claim((body) => ok(bob, 'POST', `${v3}/keys/claim`, body), alice)
      return id === undefined ? undefined : { kind: 'claim', id }
    }
    case 5: {
      const { next_batch } = await ok(alice, 'GET', `${v3}/sync?timeout=0`)
      return { kind: 'token', position: Number(next_batch.slice(1)) }
    }
    case 6: {
      const { event_id: eventId } = await ok(alice, 'PUT', `${v3}/rooms/${roomId}/state/test.state/${n % 5}`, { n })
      return { kind: 'event', roomId, eventId }
    }
    default: {
      const sender = dice.below(2) === 0 ? alice : bob
      const { event_id: eventId } = await ok(sender, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/${n}`, { body: `${n}` })
      return { kind: 'event', roomId, eventId }
    }
  }
}

async function ok(user: TestUser, method: string, path: string, body?: unknown) {
  const answer = await user.request(method, path, body)
  expect(answer.status).toBe(200)
  return answer.body
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of keys/claim
async function claim(ask: (body: object) => Promise<any>, { userId, deviceId }: TestUser): Promise<string | undefined> {
  const { one_time_keys } = await ask({ one_time_keys: { [userId]: { [deviceId]: 'signed_curve25519' } } })
  return Object.keys(one_time_keys[userId]?.[deviceId] ?? {})[0]
}

/** Looks for everything that was promised; what does not hold. `underWay`: claims that nobody has an answer to. */
export async function broken(app: App, promises: readonly Promised[], people: People, underWay: number): Promise<string[]> {
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  const ask = async (token: string, method: string, path: string, body?: unknown): Promise<any> => {
    const response = await app.client.request(path, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return response.status === 200 ? await response.json() : undefined
  }
  const { alice, bob } = people
  const synced = await ask(bob.accessToken, 'GET', `${v3}/sync?timeout=0`)
  const marks = new Set((synced.to_device?.events ?? []).map((event: { content: { mark: number } }) => event.content.mark))
  const left = new Set<string>()
  for (let id: string | undefined = ''; id !== undefined; ) {
    id = await claim((body) => ask(bob.accessToken, 'POST', `${v3}/keys/claim`, body), alice)
    if (id !== undefined) left.add(id)
  }
  const claimed = new Set(promises.flatMap((one) => (one.kind === 'claim' ? [one.id] : [])))

  async function holds(one: Promised): Promise<boolean> {
    switch (one.kind) {
      case 'event':
        return (await ask(alice.accessToken, 'GET', `${v3}/rooms/${one.roomId}/event/${one.eventId}`))?.event_id === one.eventId
      case 'account':
        return (await ask(one.token, 'GET', `${v3}/account/whoami`))?.user_id === one.userId
      case 'data':
        return (
          (await ask(alice.accessToken, 'GET', `${v3}/user/${alice.userId}/account_data/${one.type}`))?.n ===
          Number(one.type.slice(5))
        )
      case 'message':
        return marks.has(one.mark)
      case 'claim':
        return !left.has(one.id)
      case 'token':
        return Number(synced.next_batch.slice(1)) >= one.position
      case 'key':
        return true
    }
  }
  const problems: string[] = []
  for (const one of promises) if (!(await holds(one))) problems.push(JSON.stringify(one))
  const missing = promises.filter((one) => one.kind === 'key' && !left.has(one.id) && !claimed.has(one.id))
  if (missing.length > underWay) problems.push(...missing.map((one) => JSON.stringify(one)))
  return problems
}
