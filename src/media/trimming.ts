import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { Contents } from './contents.ts'
import { dropRemoteMedia, remoteMediaBytes, unusedRemoteMedia } from './remote-store.ts'

/** Keeps other servers' media within their budget. */
export interface Trimming {
  /** Whether more is kept than may be. */
  due(): boolean
  /** Removes what was not used for longest, until the rest fits. */
  trim(): Promise<Trimmed>
  /** The disk is short of space: removes about so many bytes; resolves with how many it were. */
  shrink(bytes: number): Promise<number>
  /** Must be called in every write that changes what is kept: so many bytes more. */
  changed(tx: Writer, bytes: number): void
}

interface Trimmed {
  /** Media. */
  readonly removed: number
  readonly bytes: number
}

/** Whatever was used just now may be on its way to a client. */
const spared: Milliseconds = 60_000
/** Rows removed in one write. */
const batch = 100

export function createTrimming(
  { storage, contents, clock }: { readonly storage: Storage; readonly contents: Contents; readonly clock: Clock },
  budget: number,
): Trimming {
  let kept = remoteMediaBytes(storage.reader)
  let running: Promise<Trimmed> | undefined

  function changed(tx: Writer, bytes: number): void {
    tx.whenVisible(() => {
      kept += bytes
    })
  }

  function removeSome(tx: Writer, limit: number): Trimmed {
    const freed = { removed: 0, bytes: 0 }
    for (const { server, mediaId } of unusedRemoteMedia(tx, clock.now() - spared, batch)) {
      if (kept - freed.bytes <= limit) break
      freed.bytes += dropRemoteMedia(tx, server, mediaId)
      freed.removed += 1
    }
    changed(tx, -freed.bytes)
    tx.whenVisible(contents.removeUnreferenced)
    return freed
  }

  async function trimTo(limit: number): Promise<Trimmed> {
    const all = { removed: 0, bytes: 0 }
    while (kept > limit) {
      const freed = await storage.write((tx) => removeSome(tx, limit))
      if (freed.removed === 0) break
      all.removed += freed.removed
      all.bytes += freed.bytes
    }
    return all
  }

  return {
    due: () => kept > budget,
    changed,
    trim() {
      running ??= trimTo(budget).finally(() => {
        running = undefined
      })
      return running
    },
    async shrink(bytes) {
      await running
      return (await trimTo(Math.max(0, kept - bytes))).bytes
    },
  }
}
