import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { storedBytes } from '../media/stored.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { forecastDays, putDiskDay, recentDiskDays } from './disk-days.ts'
import type { Job } from './jobs.ts'

/** Of the file system that the data directory lies on. */
export interface DiskSpace {
  readonly totalBytes: number
  /** What this process may still write. */
  readonly freeBytes: number
}

export interface DiskState {
  /** `read-only`: nothing new is taken in, so that the database can still do its work and the owner can make room. */
  readonly state: 'ok' | 'warn' | 'read-only'
  readonly totalBytes: number
  readonly freeBytes: number
  /** Of this server: database, and media as last counted. */
  readonly databaseBytes: number
  readonly mediaBytes: number
  /** Days until it is read-only, if all goes on as before; undefined: not known, or nothing grows. */
  readonly forecastDays: number | undefined
}

export interface DiskDeps {
  readonly storage: Storage
  /** The data directory. */
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
  /** Bytes that stay free; undefined: as the size of the disk suggests. */
  readonly reserveBytes?: number | undefined
  /** Removes copies of other servers' media, oldest first, until about so many bytes are freed; resolves with how many were. */
  readonly shrinkRemoteMedia?: ((bytes: number) => Promise<number>) | undefined
  /** Undefined: the real one. */
  readonly space?: (directory: string) => Promise<DiskSpace>
}

export interface DiskGovernor {
  /** As it was last looked at; undefined: not yet. */
  state(): DiskState | undefined
  /** Whether new data is refused. */
  readonly readOnly: boolean
  /** Measures, makes room, decides. */
  look(): Promise<DiskState>
  readonly jobs: readonly Job[]
}

const megabyte = 1024 * 1024
/** Of the disk that stays free, within bounds: enough for the log of the database and for a large write. */
const reserve = { share: 0.02, least: 96 * megabyte, most: 1024 * megabyte }
/** Times the reserve, below which copies of remote media go. */
const shrinkBelow = 4
/** Times the reserve, above which new data is taken in again. */
const releaseAbove = 1.25
/** A warning comes when less than this share is free, or the forecast is shorter. */
const warn = { share: 0.1, days: 30 }

/** Keeps the disk from filling up: measures, removes what can be had again, and refuses new data while there is still room to work in. */
export function createDiskGovernor(deps: DiskDeps): DiskGovernor {
  const { storage, directory, clock, log } = deps
  const space = deps.space ?? fileSystem
  let state: DiskState | undefined
  let readOnly = false

  async function look(): Promise<DiskState> {
    const first = await space(directory)
    const kept = deps.reserveBytes ?? reserveOf(first.totalBytes)
    const missing = kept * shrinkBelow - first.freeBytes
    const freed = missing > 0 ? ((await deps.shrinkRemoteMedia?.(missing)) ?? 0) : 0
    if (freed > 0) log.warn({ freed }, "copies of other servers' media were removed to make room")
    const { totalBytes, freeBytes } = freed > 0 ? await space(directory) : first
    const before = readOnly
    readOnly = freeBytes < kept * (readOnly ? releaseAbove : 1)
    if (readOnly && !before) log.error({ freeBytes }, 'the disk is nearly full: nothing new is taken in')
    if (before && !readOnly) log.warn({ freeBytes }, 'there is room on the disk again')
    const days = recentDiskDays(storage.reader, clock.now())
    const forecast = forecastDays(days, freeBytes - kept)
    const tight = freeBytes < totalBytes * warn.share || freeBytes < kept * shrinkBelow || (forecast ?? warn.days) < warn.days
    state = {
      state: readOnly ? 'read-only' : tight ? 'warn' : 'ok',
      totalBytes,
      freeBytes,
      databaseBytes: await databaseBytes(directory),
      mediaBytes: days.at(-1)?.mediaBytes ?? 0,
      forecastDays: forecast,
    }
    return state
  }

  async function note(): Promise<DiskState> {
    const { freeBytes } = await space(directory)
    const sizes = { databaseBytes: await databaseBytes(directory), mediaBytes: storedBytes(storage.reader), freeBytes }
    await storage.write((tx) => putDiskDay(tx, clock.now(), sizes))
    return look()
  }

  return {
    state: () => state,
    get readOnly() {
      return readOnly
    },
    look,
    jobs: [
      { name: 'disk', when: '*/5 * * * *', quiet: true, atStart: true, run: look },
      { name: 'disk sizes', when: '47 1 * * *', run: note },
    ],
  }
}

async function fileSystem(directory: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize }
}

async function databaseBytes(directory: string): Promise<number> {
  const sizes = await Promise.all(
    ['hausbote.db', 'hausbote.db-wal'].map(async (name) => (await stat(join(directory, name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function reserveOf(totalBytes: number): number {
  return Math.min(reserve.most, Math.max(reserve.least, totalBytes * reserve.share))
}
