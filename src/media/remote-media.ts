import type { Downloads } from '../federation/downloads.ts'
import { badGateway, limitExceeded, type MatrixError, notFound } from '../http/errors.ts'
import { parseMxcUri, type ServerName } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import type { Contents } from './contents.ts'
import { explained } from './disk-problems.ts'
import type { MediaFiles } from './files.ts'
import { notYetUploaded, tooLargeElsewhere } from './lookup.ts'
import { type Fetched, fetchMedia } from './remote-fetch.ts'
import { findRemoteMedia, putRemoteMedia, touchRemoteMedia } from './remote-store.ts'
import type { Content } from './store.ts'
import type { Trimming } from './trimming.ts'
import { createTurns } from './turns.ts'

export interface RemoteMediaDeps {
  readonly storage: Storage
  readonly downloads: Downloads
  readonly files: MediaFiles
  readonly contents: Contents
  readonly trimming: Trimming
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  /** Of a media. */
  readonly maxBytes: number
}

export interface RemoteWish {
  readonly server: string
  readonly mediaId: string
  /** How long the client would wait for an upload that is announced. */
  readonly timeout: Milliseconds
  /** The client has gone. */
  readonly signal: AbortSignal
}

/** Media of other servers, fetched when somebody wants them and kept for a while. */
export interface RemoteMedia {
  /** Ends the request where there is none. */
  find(wish: RemoteWish): Promise<Content>
  /** Whatever is still coming is no longer kept. */
  close(): void
}

/** One fetch, whoever waits for it. */
interface Job {
  /** The media comes, or the fetch is over. */
  readonly begun: Promise<void>
  readonly done: Promise<Fetched | Content>
}

/** What a question to another server takes, beyond the wait for an upload. */
const grace: Milliseconds = 15_000
/** Uses are noted no more often than this. */
const usedStep: Milliseconds = 10 * 60_000
const fetching = { each: 4, all: 16, waiting: 256 }

export function createRemoteMedia(deps: RemoteMediaDeps): RemoteMedia {
  const { storage, files, contents, trimming, clock, timers, log } = deps
  const jobs = new Map<string, Job>()
  const turns = createTurns(fetching)
  let closed = false

  /** Undefined: not kept; nor is what a restore brought back without its file. */
  async function kept(server: ServerName, mediaId: string): Promise<Content | undefined> {
    const row = findRemoteMedia(storage.reader, server, mediaId)
    if (!row || (await files.sizeOf(row.hash)) === undefined) return undefined
    if (row.usedAt + usedStep <= clock.now()) {
      storage
        .write((tx) => touchRemoteMedia(tx, server, mediaId, clock.now()))
        .catch((err: unknown) => log.error({ err }, 'noting the use of a media'))
    }
    return row
  }

  async function fetchAndKeep(
    server: ServerName,
    mediaId: string,
    timeout: Milliseconds,
    begun: () => void,
  ): Promise<Fetched | Content> {
    const fetched = await fetchMedia(deps, { server, mediaId, timeout, begun })
    if (!('received' in fetched)) return fetched
    if (closed) {
      await files.discard(fetched.received)
      return { problem: 'this server stops' }
    }
    const { received, contentType, uploadName } = fetched
    const content: Content = { hash: received.hash, size: received.size, contentType, uploadName }
    await contents.store(received, (tx) => {
      trimming.changed(tx, putRemoteMedia(tx, server, mediaId, content, clock.now()))
    })
    await trimming.trim()
    return content
  }

  function start(key: string, server: ServerName, mediaId: string, timeout: Milliseconds): Job | undefined {
    const turn = turns.take(server)
    if (!turn) return undefined
    const begun = Promise.withResolvers<void>()
    const done = turn.then(async (end) => {
      try {
        return await fetchAndKeep(server, mediaId, timeout, begun.resolve)
      } finally {
        end()
        jobs.delete(key)
        begun.resolve()
      }
    })
    const job = { begun: begun.promise, done }
    jobs.set(key, job)
    return job
  }

  /** Waits as long as the client would; the fetch goes on without it. */
  async function begunInTime(job: Job, timeout: Milliseconds, signal: AbortSignal): Promise<boolean> {
    const { promise: over, resolve } = Promise.withResolvers<false>()
    const cancel = timers.after(timeout + grace, () => resolve(false))
    signal.addEventListener('abort', () => resolve(false), { once: true })
    const begun = await Promise.race([job.begun.then(() => true), over])
    cancel()
    return begun
  }

  async function find({ server, mediaId, timeout, signal }: RemoteWish): Promise<Content> {
    const parsed = parseMxcUri(`mxc://${server}/${mediaId}`)
    if (!parsed) throw notFound('There can be no such media')
    const known = await kept(parsed.server, mediaId)
    if (known) return known
    const key = `${server}/${mediaId}`
    const job = jobs.get(key) ?? start(key, parsed.server, mediaId, timeout)
    if (!job) throw limitExceeded(5000)
    // Nobody may wait for it any more when it fails.
    job.done.catch((err: unknown) => log.debug({ err, server }, 'a media was not kept'))
    if (!(await begunInTime(job, timeout, signal))) throw notYetUploaded()
    const outcome = await explained(job.done)
    if ('hash' in outcome) return outcome
    throw errorFor(outcome, server, log)
  }
  return {
    find,
    close() {
      closed = true
    },
  }
}

function errorFor(fetched: Fetched, server: string, log: Log): MatrixError {
  if ('problem' in fetched) log.info({ server, problem: fetched.problem }, 'a media could not be fetched')
  if (!('failure' in fetched)) return badGateway(`${server} did not send the media`)
  switch (fetched.failure) {
    case 'absent':
      return notFound(`${server} has no such media`)
    case 'not-yet':
      return notYetUploaded()
    case 'too-large':
      return tooLargeElsewhere()
    case 'limited':
      return limitExceeded(fetched.retryAfter)
  }
}
