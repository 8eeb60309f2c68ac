import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import { badGateway, forbidden, notFound } from '../http/errors.ts'
import { serverOf, type UserId } from '../matrix/identifiers.ts'
import type { Log } from '../platform/log.ts'

/** What a user of another server says about themselves: all of it, or one field. Ends the request with an error where there is nothing. */
export type RemoteProfiles = (userId: UserId, field?: string) => Promise<Readonly<Record<string, unknown>>>

const text = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const profile = Type.Object({ displayname: text, avatar_url: text, 'm.tz': text })

/** Bytes; a whole profile is under 64 KiB, but JSON can be written wastefully. */
const maxBytes = 2 * 65_536

/** Asks the user's own server. Source: server-server API, "Querying for information". */
export function createRemoteProfiles(client: FederationClient, log: Log): RemoteProfiles {
  return async (userId, field) => {
    const server = serverOf(userId)
    const query = new URLSearchParams({ user_id: userId, ...(field !== undefined && { field }) })
    const target = `/_matrix/federation/v1/query/profile?${query}`
    const answer = await client.ask(server, { method: 'GET', target, limits: { bytes: maxBytes } }, profile)
    if ('problem' in answer) {
      log.info({ server, problem: answer.problem }, 'no answer to a question for a profile')
      throw badGateway(`${server} gave no answer that can be used`)
    }
    if ('refusal' in answer) throw refusalFor(answer.refusal.status, server)
    // Null stands for what is not set.
    const fields = Object.entries(answer.body).filter(([key, value]) => value !== null && (field === undefined || key === field))
    if (field !== undefined && fields.length === 0) throw notFound('The profile has no such field')
    return Object.fromEntries(fields)
  }
}

function refusalFor(status: number, server: string) {
  if (status === 404) return notFound('There is no such user or field')
  if (status === 403) return forbidden(`${server} does not give out this profile`)
  return badGateway(`${server} did not answer the question (${status})`)
}
