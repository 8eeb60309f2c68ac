import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { badJson, invalidParam } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { mapOf } from '../http/schemas.ts'
import { canonicalJson } from '../matrix/canonical-json.ts'
import { parseServerName, type ServerName } from '../matrix/identifiers.ts'
import type { Clock } from '../platform/clock.ts'
import type { KeyQuestion, Notary } from './notary.ts'

const minimum = Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) })

/** Servers in one question. */
const maxServers = 1000

/** The keys of this server, and what it knows of those of others. Source: server-server API, "Retrieving server keys". */
export function keyEndpoints(notary: Notary, clock: Clock): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/key/v2/server',
      auth: 'none',
      rateLimit: { name: 'server-keys', by: 'address', burst: 60, perSecond: 5 },
      // Some who check the signature take the bytes as they come.
      handle: () => jsonText(canonicalJson(notary.own())),
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/key/v2/query/{serverName}',
      auth: 'none',
      query: minimum,
      rateLimit: { name: 'key-query', by: 'address', burst: 60, perSecond: 2 },
      async handle({ path, query }) {
        const server = parseServerName(path.serverName)
        if (!server) throw invalidParam('serverName: must be a server name')
        const question = { keyIds: [], minimum: query.minimum_valid_until_ts ?? clock.now() }
        return { server_keys: await notary.answer(new Map([[server, question]])) }
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/key/v2/query',
      auth: 'none',
      body: Type.Object({ server_keys: mapOf(mapOf(minimum)) }),
      rateLimit: { name: 'key-queries', by: 'address', burst: 20, perSecond: 1 },
      async handle({ body }) {
        const asked = Object.entries(body.server_keys)
        if (asked.length > maxServers) throw badJson(`server_keys: more than ${maxServers} servers`)
        const questions = new Map<ServerName, KeyQuestion>()
        for (const [name, criteria] of asked) {
          // What is no name is a server that cannot be reached.
          const server = parseServerName(name)
          const times = Object.values(criteria).map((one) => one.minimum_valid_until_ts ?? clock.now())
          if (server) questions.set(server, { keyIds: Object.keys(criteria), minimum: latest(times, clock) })
        }
        return { server_keys: await notary.answer(questions) }
      },
    }),
  ]
}

function latest(times: readonly number[], clock: Clock): number {
  return times.length === 0 ? clock.now() : times.reduce((one, other) => Math.max(one, other))
}
