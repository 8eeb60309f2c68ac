import type { Downloads } from '../federation/downloads.ts'
import type { Incoming, Unanswered } from '../federation/network.ts'
import { parseBody } from '../http/json-body.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { isObject } from '../matrix/json.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { MediaFiles, Received } from './files.ts'
import { createIntake, type Intake, multipartOverhead, type Taken } from './intake.ts'

/** A media of another server that lies on disk but is not kept yet, or why there is none. */
export type Fetched =
  | { readonly received: Received; readonly contentType: string | null; readonly uploadName: string | null }
  | { readonly failure: 'absent' | 'not-yet' | 'too-large' }
  | { readonly failure: 'limited'; readonly retryAfter: Milliseconds }
  | { readonly problem: string }

export interface FetchDeps {
  readonly downloads: Downloads
  readonly files: MediaFiles
  readonly clock: Clock
  /** Of a media. */
  readonly maxBytes: number
}

export interface MediaWish {
  readonly server: ServerName
  /** Of the grammar of media ids. */
  readonly mediaId: string
  /** How long the other server may wait for an upload that is announced. */
  readonly timeout: Milliseconds
  /** Called when the media begins to come. */
  readonly begun: () => void
}

/** From the question to the last byte. */
const maxDuration: Milliseconds = 5 * 60_000
const patience = { connect: 5000, headers: 10_000 }
const longestRetry: Milliseconds = 60_000

/**
 * Fetches a media from its server, from where that says it is, or from the download without authentication of servers that know no other.
 * Rejects when the disk takes nothing more. Source: server-server API, "Content Repository".
 */
export async function fetchMedia(deps: FetchDeps, { server, mediaId, timeout, begun }: MediaWish): Promise<Fetched> {
  const { downloads, clock, maxBytes } = deps
  const deadline = clock.now() + maxDuration
  const limits = (headers: Milliseconds) => ({
    connect: patience.connect,
    headers: patience.headers + headers,
    total: Math.max(1, deadline - clock.now()),
    bytes: maxBytes + multipartOverhead,
  })
  const intake = (kind: 'plain' | 'multipart') => createIntake(kind, { ...deps, begun })

  const target = `/_matrix/federation/v1/media/download/${mediaId}?timeout_ms=${timeout}`
  const first = await takeIn(intake('multipart'), ({ open }) =>
    downloads.from(server, { target, signed: true, limits: limits(timeout), open }),
  )
  if ('location' in first) {
    const { location } = first
    return withoutLocation(await takeIn(intake('plain'), ({ open }) => downloads.at(location, { limits: limits(0), open })))
  }
  if (!('unrecognized' in first)) return first
  const old = `/_matrix/media/v3/download/${server}/${mediaId}?allow_remote=false&timeout_ms=${timeout}`
  return withoutLocation(
    await takeIn(intake('plain'), ({ open }) =>
      downloads.from(server, { target: old, signed: false, limits: limits(timeout), open }),
    ),
  )
}

type Outcome = Fetched | Taken | { readonly unrecognized: true }

async function takeIn(intake: Intake, exchange: (intake: Intake) => Promise<Incoming | Unanswered>): Promise<Outcome> {
  try {
    const answer = await exchange(intake)
    if (intake.opened()) return await intake.finish('problem' in answer ? answer.problem : undefined)
    return 'problem' in answer ? withoutAnswer(answer) : refusalIn(answer)
  } finally {
    await intake.abandon()
  }
}

function withoutLocation(outcome: Outcome): Fetched {
  if ('unrecognized' in outcome) return { failure: 'absent' }
  return 'location' in outcome ? { problem: 'from one location to the next' } : outcome
}

/** It has the question and says nothing: it may be waiting for the upload. */
function withoutAnswer({ problem, sent, begun }: Unanswered): Fetched {
  return sent && begun !== true ? { failure: 'not-yet' } : { problem }
}

function refusalIn({ status, body }: Incoming): Outcome {
  const read = parseBody(body.toString('utf8'))
  const { errcode, retry_after_ms: wait } = 'value' in read && isObject(read.value) ? read.value : {}
  // What has no code does not come from a server that knows the path.
  if (status === 404)
    return errcode === 'M_UNRECOGNIZED' || errcode === undefined ? { unrecognized: true } : { failure: 'absent' }
  if (errcode === 'M_NOT_YET_UPLOADED') return { failure: 'not-yet' }
  if (errcode === 'M_TOO_LARGE') return { failure: 'too-large' }
  if (status !== 429) return { problem: `status ${status}` }
  return { failure: 'limited', retryAfter: typeof wait === 'number' ? Math.min(Math.max(wait, 0), longestRetry) : 5000 }
}
