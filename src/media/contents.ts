import type { Log } from '../platform/log.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { MediaFiles, Received } from './files.ts'
import { createKeyedLock } from './keyed-lock.ts'
import type { References } from './store.ts'

export interface ContentsDeps {
  readonly storage: Storage
  readonly files: MediaFiles
  /** The rows that need the files. */
  readonly references: References
  readonly log: Log
}

/** Keeps files and rows in step: a row never points at a file that is missing, and no file outlives its last row. */
export interface Contents {
  /** Stores a received file, then its row; resolves with what `insert` answered when both are on disk for certain. */
  store<Result>(received: Received, insert: (tx: Writer) => Result): Promise<Result>
  /** Begins to remove the files of contents that lost their last row. */
  removeUnreferenced(): void
  /** Finishes what a sudden end interrupted. */
  tidy(): Promise<void>
  idle(): Promise<void>
}

export function createContents({ storage, files, references, log }: ContentsDeps): Contents {
  // The same content may be uploaded while its last reference is being deleted.
  const lock = createKeyedLock()
  let removing: Promise<void> = Promise.resolve()

  const removeIfUnreferenced = (hash: string) =>
    lock(hash, async () => {
      if (!references.has(storage.reader, hash)) await files.remove(hash)
    })

  async function removeAll(): Promise<void> {
    for (const hash of references.due(storage.reader)) {
      await removeIfUnreferenced(hash)
      await storage.write((tx) => references.done(tx, hash))
    }
  }

  return {
    store: (received, insert) =>
      lock(received.hash, async () => {
        try {
          await files.place(received)
          return await storage.write(insert)
        } finally {
          await files.discard(received)
          if (!references.has(storage.reader, received.hash)) await files.remove(received.hash)
          await files.settle(received.hash)
        }
      }),
    removeUnreferenced() {
      // The rows stay: whatever goes wrong is tried again at the next deletion or start.
      removing = removing.then(removeAll).catch((err: unknown) => log.error({ err }, 'removing media files'))
    },
    async tidy() {
      for (const hash of await files.unsettled()) {
        await removeIfUnreferenced(hash)
        await files.settle(hash)
      }
      await removeAll()
    },
    idle: () => removing,
  }
}
