import { join } from 'node:path'
import type { Endpoint } from '../http/endpoint.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { createContents } from './contents.ts'
import { downloadEndpoints } from './download-endpoints.ts'
import { openMediaFiles } from './files.ts'
import { frozenEndpoints } from './frozen-endpoints.ts'
import { deleteMediaRow, mediaOwnedBy } from './store.ts'
import { thumbnailEndpoints } from './thumbnail-endpoints.ts'
import { createThumbnailer } from './thumbnailer.ts'
import { createThumbnails } from './thumbnails.ts'
import { uploadEndpoints } from './upload-endpoints.ts'
import { createUploadWaiters } from './upload-waiters.ts'

export interface MediaDeps {
  readonly storage: Storage
  /** Of everything that the server keeps; media have a directory of their own in it. */
  readonly directory: string
  readonly serverName: string
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly maxUploadBytes: number
  readonly log: Log
}

export interface Media {
  readonly endpoints: readonly Endpoint[]
  /** Deletes what a user uploaded; the files go once the write is on disk. */
  forgetMediaOf(tx: Writer, userId: string): void
  /** Before the storage closes: ends what is under way. */
  close(): Promise<void>
}

/** The media repository; source: client-server API, "Content repository". */
export async function createMedia(deps: MediaDeps): Promise<Media> {
  const { storage, timers, log } = deps
  const files = await openMediaFiles(join(deps.directory, 'media'))
  const contents = createContents({ storage, files, log })
  await contents.tidy()
  const thumbnailer = createThumbnailer({ timers, log })
  const waiters = createUploadWaiters(timers)
  const parts = { ...deps, files, contents, waiters, thumbnails: createThumbnails({ files, thumbnailer }) }
  return {
    endpoints: [...uploadEndpoints(parts), ...downloadEndpoints(parts), ...thumbnailEndpoints(parts), ...frozenEndpoints(parts)],
    forgetMediaOf(tx, userId) {
      for (const mediaId of mediaOwnedBy(tx, userId)) deleteMediaRow(tx, mediaId)
      tx.whenVisible(contents.removeUnreferenced)
    },
    async close() {
      waiters.close()
      thumbnailer.close()
      await contents.idle()
    },
  }
}
