import { expect } from 'vitest'
import { clientKey, deviceKeysOf, oneTimeKeys } from '../keys/key-material.ts'
import type { Mortal } from './call.ts'
import type { Account } from './sync-client.ts'

const v3 = '/_matrix/client/v3'

/**
 * One thing after another, each repeated after a death until it is answered, as clients do it.
 * `step` resolves with false when the server died before it had answered.
 */
export interface Worker {
  step(): Promise<boolean>
}

export interface Sender extends Worker {
  readonly account: Account
  readonly roomId: string
  /** Ids of answered events; the event at `index` has the body `bodyOf(index)`. */
  readonly answered: readonly string[]
  bodyOf(index: number): string
}

export function sender(server: Mortal, account: Account, roomId: string): Sender {
  const answered: string[] = []
  const bodyOf = (index: number) => `message ${index}`
  return {
    account,
    roomId,
    answered,
    bodyOf,
    async step() {
      const index = answered.length
      const path = `${v3}/rooms/${roomId}/send/m.room.message/${index}`
      const answer = await server.call(account.token, 'PUT', path, { msgtype: 'm.text', body: bodyOf(index) })
      if (!answer) return false
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      answered.push(answer.body.event_id)
      return true
    },
  }
}

export interface DeviceMessenger extends Worker {
  readonly from: Account
  readonly to: Account
  /** Messages 0 to `answered` - 1 were answered. */
  readonly answered: number
}

export function deviceMessenger(server: Mortal, from: Account, to: Account): DeviceMessenger {
  let answered = 0
  return {
    from,
    to,
    get answered() {
      return answered
    },
    async step() {
      const messages = { [to.userId]: { [to.deviceId]: { mark: answered } } }
      const answer = await server.call(from.token, 'PUT', `${v3}/sendToDevice/test.mark/${to.deviceId}${answered}`, { messages })
      if (!answer) return false
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      answered += 1
      return true
    },
  }
}

/** The one-time keys of one device: uploaded by it, claimed by others. */
export interface KeyStock {
  readonly upload: Worker
  claim(by: Account): Worker
  readonly account: Account
  /** Keys 0 to `uploaded` - 1 were uploaded, and that was answered. */
  readonly uploaded: number
  /** Ids of the keys that others were given. */
  readonly given: ReadonlySet<string>
  /** Claims without an answer: each may have taken a key. */
  readonly lost: number
}

const batch = 5
/** Clients see to it that there are about so many. */
const stock = 50
const algorithm = 'signed_curve25519'

export function keyStock(server: Mortal, account: Account): KeyStock {
  let uploaded = 0
  let left = 0
  let lost = 0
  const given = new Set<string>()
  const one_time_keys = { [account.userId]: { [account.deviceId]: algorithm } }
  return {
    account,
    given,
    get uploaded() {
      return uploaded
    },
    get lost() {
      return lost
    },
    upload: {
      async step() {
        const wanted = left < stock ? batch : 0
        const keys = oneTimeKeys(account.userId, account.deviceId, uploaded, wanted)
        const answer = await server.call(account.token, 'POST', `${v3}/keys/upload`, { one_time_keys: keys })
        if (!answer) return false
        expect(answer.status, JSON.stringify(answer.body)).toBe(200)
        left = answer.body.one_time_key_counts[algorithm] ?? 0
        uploaded += wanted
        return true
      },
    },
    claim: (by) => ({
      async step() {
        const answer = await server.call(by.token, 'POST', `${v3}/keys/claim`, { one_time_keys })
        if (!answer) {
          lost += 1
          return false
        }
        expect(answer.status, JSON.stringify(answer.body)).toBe(200)
        for (const id of Object.keys(answer.body.one_time_keys[account.userId]?.[account.deviceId] ?? {})) {
          expect(given, 'a one-time key was given twice').not.toContain(id)
          given.add(id)
        }
        return true
      },
    }),
  }
}

export interface Newcomers extends Worker {
  /** Accounts whose registration was answered. */
  readonly accounts: readonly Account[]
  /** Device keys whose upload was answered. */
  readonly deviceKeys: ReadonlyMap<string, unknown>
}

/** People who register, publish their device's keys and enter a room. */
export function newcomers(server: Mortal, roomId: string): Newcomers {
  const accounts: Account[] = []
  const deviceKeys = new Map<string, unknown>()
  let number = 0

  async function enter(account: Account): Promise<boolean> {
    const keys = deviceKeysOf(account.userId, account.deviceId, clientKey())
    const uploaded = await server.call(account.token, 'POST', `${v3}/keys/upload`, { device_keys: keys })
    if (!uploaded) return false
    expect(uploaded.status).toBe(200)
    deviceKeys.set(account.userId, keys)
    const joined = await server.call(account.token, 'POST', `${v3}/join/${roomId}`, {})
    if (joined) expect(joined.status).toBe(200)
    return joined !== undefined
  }

  return {
    accounts,
    deviceKeys,
    async step() {
      number += 1
      const answer = await server.call(undefined, 'POST', `${v3}/register`, registration(`new${number}`))
      if (!answer) return false
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      const account = accountOf(answer.body)
      accounts.push(account)
      return enter(account)
    },
  }
}

export const registration = (username: string) => ({
  username,
  password: `password of ${username}`,
  auth: { type: 'm.login.dummy' },
})

export function accountOf(body: { user_id: string; device_id: string; access_token: string }): Account {
  return { userId: body.user_id, deviceId: body.device_id, token: body.access_token }
}
