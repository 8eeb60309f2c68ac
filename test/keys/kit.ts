import { mkdtempSync, rmSync } from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { addDevice, createUser } from '../../src/accounts/store.ts'
import type { Endpoint, Session } from '../../src/http/endpoint.ts'
import { mount } from '../../src/http/mount.ts'
import { noRateLimits } from '../../src/http/rate-limits.ts'
import type { DeviceId, UserId } from '../../src/matrix/identifiers.ts'
import { silentLog } from '../../src/platform/log.ts'
import { projectMembership } from '../../src/rooms/membership-projection.ts'
import type { SyncStream } from '../../src/rooms/sync-stream.ts'
import type { Position } from '../../src/storage/handles.ts'
import { openStorage, type Storage } from '../../src/storage/storage.ts'
import { type HandMovedClock, handMovedClock } from '../support/clock.ts'
import { judge } from '../support/judge.ts'

/** A capability by itself: the real storage, accounts and endpoints; rooms are written straight into their tables. */
export interface Kit {
  readonly storage: Storage
  readonly clock: HandMovedClock
  /** A new user of a.test with one device. */
  user(localpart: string, deviceId?: string, displayName?: string): Promise<TestDevice>
  /** A further device of a user. */
  device(userId: string, deviceId: string, displayName?: string): Promise<TestDevice>
  /** Makes a room with these joined members. */
  room(...members: readonly TestDevice[]): Promise<number>
  leave(nid: number, member: TestDevice): Promise<void>
  /** Stops and starts again on the same data. */
  restart(): Promise<void>
}

export interface TestDevice {
  readonly userId: UserId
  readonly deviceId: DeviceId
  request(method: string, path: string, body?: unknown): Promise<Served>
  /** What the streams say to the device after `since`, parsed, and the token of this answer. */
  sync(since?: Position): Synced
}

interface Served {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly body: any
}

export interface Synced {
  readonly next: Position
  readonly news: boolean
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  readonly fields: Record<string, any>
}

export interface Parts {
  endpoints(storage: Storage, clock: HandMovedClock): readonly Endpoint[]
  readonly streams: readonly SyncStream[]
}

export function createKit(parts: Parts): Kit {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-kit-'))
  const clock = handMovedClock()
  const start = () => {
    const storage = openStorage({
      directory,
      migrations: join(import.meta.dirname, '..', '..', 'drizzle'),
      timers: clock,
      onFatal: (problem) => {
        throw problem
      },
      checkpoints: false,
    })
    return { storage, app: serve(parts.endpoints(storage, clock), clock) }
  }
  let running = start()
  onTestFinished(async () => {
    await running.storage.close()
    rmSync(directory, { recursive: true, force: true })
  })

  function deviceOf(userId: UserId, deviceId: DeviceId): TestDevice {
    return {
      userId,
      deviceId,
      async request(method, path, body) {
        const response = await running.app.request(path, {
          method,
          headers: { authorization: `Bearer ${userId}|${deviceId}` },
          ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        })
        const received = await response.json()
        judge(method, path, response, received)
        return { status: response.status, body: received }
      },
      sync: (since = 0) => syncOf(running.storage, parts.streams, userId, deviceId, since),
    }
  }

  async function addTestDevice(userId: UserId, deviceId: DeviceId, displayName: string | undefined): Promise<TestDevice> {
    const device = { deviceId, displayName: displayName ?? null, lastSeenTs: 0, lastSeenIp: '' }
    await running.storage.write((tx) => addDevice(tx, userId, device))
    return deviceOf(userId, deviceId)
  }

  return {
    get storage() {
      return running.storage
    },
    clock,
    async user(localpart, deviceId = `${localpart.toUpperCase()}1`, displayName) {
      const userId = `@${localpart}:a.test` as UserId
      await running.storage.write((tx) => {
        // Position 0 is before everything: a token must be behind it.
        tx.nextPosition()
        createUser(tx, { userId, passwordHash: null, admin: false, createdAt: 0 })
      })
      return addTestDevice(userId, deviceId as DeviceId, displayName)
    },
    device: (userId, deviceId, displayName) => addTestDevice(userId as UserId, deviceId as DeviceId, displayName),
    room: (...members) => makeRoom(running.storage, members),
    leave: (nid, { userId }) =>
      running.storage.write((tx) => {
        const position = tx.nextPosition()
        projectMembership(tx, nid, { userId, membership: 'leave', position, at: position })
      }),
    async restart() {
      await running.storage.close()
      running = start()
    },
  }
}

function serve(endpoints: readonly Endpoint[], clock: HandMovedClock) {
  return mount(endpoints, {
    trustedProxies: new BlockList(),
    clock,
    log: silentLog,
    rateLimits: noRateLimits,
    authenticate(token) {
      const [userId = '', deviceId = ''] = token.split('|')
      const session: Session = { userId, deviceId, tokenId: 1, admin: false }
      return { session }
    },
    explain: () => undefined,
    observe: () => undefined,
  })
}

function makeRoom(storage: Storage, members: readonly TestDevice[]): Promise<number> {
  return storage.write((tx) => {
    const position = tx.nextPosition()
    const { lastInsertRowid } = tx.raw
      .prepare(
        `INSERT INTO rooms (room_id, version, state_root, last_position, joined_members, invited_members) VALUES (?, '12', 0, ?, 0, 0)`,
      )
      .run(`!room${position}:a.test`, position)
    const nid = Number(lastInsertRowid)
    for (const { userId } of members) projectMembership(tx, nid, { userId, membership: 'join', position, at: position })
    return nid
  })
}

function syncOf(storage: Storage, streams: readonly SyncStream[], userId: string, deviceId: string, from: Position): Synced {
  const { reader } = storage
  const to = reader.position
  const fields: Synced['fields'] = {}
  let news = false
  const draft = {
    set(field: string, json: string, isNews: boolean) {
      fields[field] = JSON.parse(json)
      news ||= isNews
    },
    room(): never {
      throw new Error('says nothing about rooms')
    },
  }
  const query = { reader, userId, deviceId, from, to, joined: new Map(), newlyJoined: new Set<number>(), filter: {} }
  for (const stream of streams) stream.collect(query, draft)
  return { next: to, news, fields }
}
