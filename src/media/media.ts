import { join } from 'node:path'
import type { Downloads } from '../federation/downloads.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { createContents } from './contents.ts'
import { downloadEndpoints } from './download-endpoints.ts'
import { mediaFederationEndpoints } from './federation-endpoints.ts'
import { openMediaFiles } from './files.ts'
import { frozenEndpoints } from './frozen-endpoints.ts'
import { openEndpoints } from './open-endpoints.ts'
import { createRemoteMedia } from './remote-media.ts'
import { chargeThumbnail, remoteReferences } from './remote-store.ts'
import { deleteMediaRow, mediaOwnedBy, ownReferences } from './store.ts'
import { thumbnailEndpoints } from './thumbnail-endpoints.ts'
import { createThumbnailer, type Thumbnailer } from './thumbnailer.ts'
import { createThumbnails } from './thumbnails.ts'
import { createTrimming, type Trimming } from './trimming.ts'
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
  /** Undefined: this server does not speak with others. */
  readonly downloads: Downloads | undefined
  /** Bytes of other servers' media that are kept. */
  readonly remoteCacheBytes: number
  /** Whether media can be had without signing in. */
  readonly openMedia: boolean
}

export interface Media {
  readonly endpoints: readonly Endpoint[]
  readonly serverEndpoints: readonly Endpoint[]
  /** Brings what is kept of other servers' media back within its budget, and says whether there is need for it. */
  readonly trimming: Pick<Trimming, 'due' | 'trim' | 'shrink'>
  /** Deletes what a user uploaded; the files go once the write is on disk. */
  forgetMediaOf(tx: Writer, userId: string): void
  /** Before the storage closes: ends what is under way. */
  close(): Promise<void>
}

/** The media repository; source: client-server API, "Content repository". */
export async function createMedia(deps: MediaDeps): Promise<Media> {
  const { storage, timers, log, downloads } = deps
  const files = await openMediaFiles(join(deps.directory, 'media'))
  const contents = createContents({ storage, files, references: ownReferences, log })
  await contents.tidy()
  const thumbnailer = createThumbnailer({ timers, log })
  const waiters = createUploadWaiters(timers)
  const elsewhere = downloads && (await createElsewhere(deps, downloads, thumbnailer))
  const own = { files, thumbnails: createThumbnails({ files, thumbnailer }) }
  const parts = { ...deps, files, contents, waiters, own, elsewhere }
  return {
    endpoints: [
      ...uploadEndpoints(parts),
      ...downloadEndpoints(parts),
      ...thumbnailEndpoints(parts),
      ...(deps.openMedia ? openEndpoints(parts) : frozenEndpoints(parts)),
    ],
    serverEndpoints: mediaFederationEndpoints(parts),
    trimming: elsewhere?.trimming ?? { due: () => false, trim: async () => ({ removed: 0, bytes: 0 }), shrink: async () => 0 },
    forgetMediaOf(tx, userId) {
      for (const mediaId of mediaOwnedBy(tx, userId)) deleteMediaRow(tx, mediaId)
      tx.whenVisible(contents.removeUnreferenced)
    },
    async close() {
      waiters.close()
      thumbnailer.close()
      await contents.idle()
      await elsewhere?.close()
    },
  }
}

/** Other servers' media, in a directory of their own: backups leave it out, since everything in it can be had again. */
async function createElsewhere(deps: MediaDeps, downloads: Downloads, thumbnailer: Thumbnailer) {
  const { storage, log } = deps
  const files = await openMediaFiles(join(deps.directory, 'media', 'remote'))
  const contents = createContents({ storage, files, references: remoteReferences, log })
  await contents.tidy()
  const trimming = createTrimming({ ...deps, contents }, deps.remoteCacheBytes)
  const thumbnails = createThumbnails({
    files,
    thumbnailer,
    kept: (hash, bytes) => storage.write((tx) => trimming.changed(tx, chargeThumbnail(tx, hash, bytes))),
  })
  const { find, close } = createRemoteMedia({ ...deps, downloads, files, contents, trimming, maxBytes: deps.maxUploadBytes })
  return {
    files,
    thumbnails,
    find,
    trimming,
    async close() {
      close()
      await contents.idle()
    },
  }
}
