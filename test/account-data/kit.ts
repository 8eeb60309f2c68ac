import { mkdtempSync, rmSync } from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Endpoint } from '../../src/http/endpoint.ts'
import { unknownToken } from '../../src/http/errors.ts'
import { mount } from '../../src/http/mount.ts'
import { noRateLimits } from '../../src/http/rate-limits.ts'
import type { RoomId, UserId } from '../../src/matrix/identifiers.ts'
import { silentLog } from '../../src/platform/log.ts'
import { projectMembership } from '../../src/rooms/membership-projection.ts'
import type { SyncFilter, SyncQuery, SyncStream } from '../../src/rooms/sync-stream.ts'
import type { Position } from '../../src/storage/handles.ts'
import { openStorage, type Storage } from '../../src/storage/storage.ts'
import { type HandMovedClock, handMovedClock } from '../support/clock.ts'
import { judge } from '../support/judge.ts'

export const alice = '@alice:a.test'
export const bob = '@bob:a.test'
export const carol = '@carol:a.test'

/** A capability by itself: the real storage and endpoints, rooms written straight into their tables, users whose id is their token. */
export interface Kit {
  readonly storage: Storage
  readonly clock: HandMovedClock
  /** Makes a room with these joined members. */
  room(roomId: string, ...members: readonly string[]): Promise<number>
  /** Ends a membership. */
  leave(nid: number, userId: string): Promise<void>
  /** Moves the clock on and lets everything that this sets off be written. */
  advance(milliseconds: number): Promise<void>
  serve(endpoints: readonly Endpoint[]): (userId: string, method: string, path: string, body?: unknown) => Promise<Served>
}

export interface Served {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly body: any
}

export function createKit(): Kit {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-kit-'))
  const clock = handMovedClock()
  const storage = openStorage({
    directory,
    migrations: join(import.meta.dirname, '..', '..', 'drizzle'),
    timers: clock,
    onFatal: (problem) => {
      throw problem
    },
    checkpoints: false,
  })
  onTestFinished(async () => {
    await storage.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    storage,
    clock,
    room: (roomId, ...members) =>
      storage.write((tx) => {
        const position = tx.nextPosition()
        const { lastInsertRowid } = tx.raw
          .prepare(
            `INSERT INTO rooms (room_id, version, state_root, last_position, joined_members, invited_members) VALUES (?, '12', 0, ?, 0, 0)`,
          )
          .run(roomId, position)
        const nid = Number(lastInsertRowid)
        for (const member of members)
          projectMembership(tx, nid, { userId: member as UserId, membership: 'join', position, at: position })
        return nid
      }),
    leave: (nid, userId) =>
      storage.write((tx) => {
        const position = tx.nextPosition()
        projectMembership(tx, nid, { userId: userId as UserId, membership: 'leave', position, at: position })
      }),
    async advance(milliseconds) {
      await clock.advance(milliseconds)
      await storage.idle()
    },
    serve(endpoints) {
      const app = mount(endpoints, {
        trustedProxies: new BlockList(),
        clock,
        log: silentLog,
        rateLimits: noRateLimits,
        authenticate: (userId) =>
          userId.startsWith('@')
            ? { session: { userId, deviceId: 'DEVICE', tokenId: 1, admin: false } }
            : { error: unknownToken(false) },
        explain: () => undefined,
        observe: () => undefined,
      })
      return async (userId, method, path, body) => {
        const response = await app.request(path, {
          method,
          headers: { authorization: `Bearer ${userId}` },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        })
        const answer = await response.json()
        judge(method, path, response, answer)
        return { status: response.status, body: answer }
      }
    },
  }
}

export interface Asked {
  readonly userId: string
  readonly from?: Position
  readonly joined?: Readonly<Record<number, string>>
  readonly newlyJoined?: readonly number[]
  readonly filter?: SyncFilter
}

/** A query up to now. */
export function queryOf({ storage }: Kit, asked: Asked): SyncQuery {
  return {
    reader: storage.reader,
    userId: asked.userId,
    deviceId: 'DEVICE',
    from: asked.from ?? 0,
    to: storage.reader.position,
    joined: new Map(Object.entries(asked.joined ?? {}).map(([nid, roomId]) => [Number(nid), roomId as RoomId])),
    newlyJoined: new Set(asked.newlyJoined ?? []),
    filter: asked.filter ?? {},
  }
}

/** What a stream has to say, parsed. */
export function collected(kit: Kit, stream: SyncStream, asked: Asked) {
  // biome-ignore lint/suspicious/noExplicitAny: events of many shapes
  const top: Record<string, any> = {}
  // biome-ignore lint/suspicious/noExplicitAny: events of many shapes
  const rooms: Record<number, { ephemeral: any[]; accountData: any[] }> = {}
  let news = false
  stream.collect(queryOf(kit, asked), {
    set(field, json, isNews) {
      top[field] = JSON.parse(json)
      news ||= isNews
    },
    room(nid) {
      rooms[nid] ??= { ephemeral: [], accountData: [] }
      const room = rooms[nid]
      return {
        addEphemeral: (json) => room.ephemeral.push(JSON.parse(json)),
        addAccountData: (json) => room.accountData.push(JSON.parse(json)),
      }
    },
  })
  return { top, rooms, news }
}
