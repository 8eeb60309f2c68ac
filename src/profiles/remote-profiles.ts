import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import { createExpiringCache } from '../federation/expiring-cache.ts'
import { badGateway, forbidden, type MatrixError, notFound } from '../http/errors.ts'
import { serverOf, type UserId } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'

/** What a user of another server says about themselves: all of it, or one field. Ends the request with an error where there is nothing. */
export type RemoteProfiles = (userId: UserId, field?: string) => Promise<Readonly<Record<string, unknown>>>

const text = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const profile = Type.Object({ displayname: text, avatar_url: text, 'm.tz': text })

/** Bytes; a whole profile is under 64 KiB, but JSON can be written wastefully. */
const maxBytes = 2 * 65_536

/** Clients ask again and again while they show a list; who changes a name is heard of through events in common rooms. */
const answerLasts: Milliseconds = 30_000
/** Nobody waits long for a server that comes back. */
const failureLasts: Milliseconds = 5000
const maxKept = 1000
/** Characters of a profile in JSON; larger ones are asked for each time. */
const maxKeptLength = 4096

type Outcome = { readonly fields: Readonly<Record<string, unknown>> } | { readonly error: MatrixError }

/** Asks the user's own server, and keeps what it says for a while. Source: server-server API, "Querying for information". */
export function createRemoteProfiles(client: FederationClient, clock: Clock, log: Log): RemoteProfiles {
  const known = createExpiringCache<Outcome>(clock, maxKept)

  async function ask(userId: UserId, field: string | undefined): Promise<Outcome> {
    const server = serverOf(userId)
    const query = new URLSearchParams({ user_id: userId, ...(field !== undefined && { field }) })
    const target = `/_matrix/federation/v1/query/profile?${query}`
    const answer = await client.ask(server, { method: 'GET', target, limits: { bytes: maxBytes } }, profile)
    if ('problem' in answer) {
      log.info({ server, problem: answer.problem }, 'no answer to a question for a profile')
      return { error: badGateway(`${server} gave no answer that can be used`) }
    }
    if ('refusal' in answer) return { error: refusalFor(answer.refusal.status, server) }
    // Null stands for what is not set.
    const fields = Object.entries(answer.body).filter(([key, value]) => value !== null && (field === undefined || key === field))
    if (field !== undefined && fields.length === 0) return { error: notFound('The profile has no such field') }
    return { fields: Object.fromEntries(fields) }
  }

  return async (userId, field) => {
    const outcome = await known.get(`${userId} ${field ?? ''}`, async () => {
      const value = await ask(userId, field)
      return { value, lasts: howLong(value) }
    })
    if ('error' in outcome) throw outcome.error
    return outcome.fields
  }
}

function howLong(outcome: Outcome): Milliseconds {
  if ('error' in outcome) return outcome.error.status === 502 ? 0 : failureLasts
  return JSON.stringify(outcome.fields).length > maxKeptLength ? 0 : answerLasts
}

function refusalFor(status: number, server: string) {
  if (status === 404) return notFound('There is no such user or field')
  if (status === 403) return forbidden(`${server} does not give out this profile`)
  return badGateway(`${server} did not answer the question (${status})`)
}
