import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import { anyObject } from '../http/schemas.ts'
import { checkBody } from '../http/validation.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { isObject } from '../matrix/json.ts'
import type { Milliseconds } from '../platform/clock.ts'
import type { AskServers } from './ask-servers.ts'
import type { Failures, Wishes } from './recipients.ts'
import { maxKeyBytes, oneTimeKey } from './schemas.ts'
import { toCanonical } from './signed-json.ts'

/** By device the algorithm that is asked for. */
export type ClaimWish = Readonly<Record<string, string>>

/** `claimed`: JSON texts of members of `one_time_keys`. */
export type ClaimFromServers = (
  wishes: ReadonlyMap<ServerName, Wishes<ClaimWish>>,
  timeout: Milliseconds,
) => Promise<{ readonly claimed: readonly string[]; readonly failures: Failures }>

const answerSchema = Type.Object({ one_time_keys: anyObject })
const bytesAtLeast = 64 * 1024
const bytesEach = 2 * maxKeyBytes
const mostBytes = 8 * 1024 * 1024

/**
 * Claims keys from the servers of the users. Each server is asked once: a key whose answer was lost is lost, and never given twice.
 * Source: server-server API, `/user/keys/claim`.
 */
export function createClaimFromServers({
  client,
  askServers,
}: {
  readonly client: FederationClient
  readonly askServers: AskServers
}): ClaimFromServers {
  return async (wishes, timeout) => {
    const claimed: string[] = []
    let over = false
    const failures = await askServers([...wishes], timeout, async ([server, ofServer], remaining) => {
      const devices = ofServer.reduce((sum, [, wish]) => sum + Object.keys(wish).length, 0)
      const limits = {
        headers: remaining,
        total: remaining,
        bytes: Math.min(bytesAtLeast + devices * bytesEach, mostBytes),
      }
      const content = { one_time_keys: Object.fromEntries(ofServer) }
      const target = '/_matrix/federation/v1/user/keys/claim'
      const answer = await client.ask(server, { method: 'POST', target, content, limits }, answerSchema)
      if ('problem' in answer) return answer.problem
      if ('refusal' in answer) return `it refused (${answer.refusal.status})`
      const members = ofServer.flatMap(([userId, wish]) => {
        const given = Object.hasOwn(answer.body.one_time_keys, userId) ? answer.body.one_time_keys[userId] : undefined
        const keys = isObject(given)
          ? Object.entries(wish).flatMap(([device, algorithm]) => readKey(given, device, algorithm))
          : []
        return keys.length > 0 ? [`${JSON.stringify(userId)}:{${keys.join(',')}}`] : []
      })
      if (!over) claimed.push(...members)
      return undefined
    })
    over = true
    return { claimed, failures }
  }
}

/** The key for one device as a member of an object, if one was given that is what was asked for. */
function readKey(given: Readonly<Record<string, unknown>>, deviceId: string, algorithm: string): readonly string[] {
  const keys = Object.hasOwn(given, deviceId) ? given[deviceId] : undefined
  if (!isObject(keys)) return []
  const entry = Object.entries(keys).find(([name]) => name.startsWith(`${algorithm}:`))
  if (!entry || Buffer.byteLength(entry[0]) > 255 || checkBody(oneTimeKey, entry[1])) return []
  const canonical = toCanonical(entry[1], 'key')
  if ('problem' in canonical || Buffer.byteLength(canonical.text) > maxKeyBytes) return []
  return [`${JSON.stringify(deviceId)}:{${JSON.stringify(entry[0])}:${canonical.text}}`]
}
