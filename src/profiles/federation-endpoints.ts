import Type from 'typebox'
import { isDeactivated, userExists } from '../accounts/store.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { parseMxcUri, parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { Storage } from '../storage/storage.ts'
import { listProfileFields, type ProfileField } from './store.ts'

/** Profiles of this server's users, for other servers. Source: server-server API, "Querying for information". */
export function profileFederationEndpoints(storage: Storage, serverName: ServerName): Endpoint[] {
  const { reader } = storage
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/query/profile',
      auth: 'server',
      query: Type.Object({
        user_id: Type.String({ maxLength: 255 }),
        field: Type.Optional(Type.String({ maxLength: 255 })),
      }),
      rateLimit: { name: 'federation-queries', by: 'server', burst: 200, perSecond: 20 },
      handle({ query: { user_id: text, field } }) {
        const userId = parseUserId(text)
        if (userId === undefined || serverOf(userId) !== serverName) throw invalidParam('user_id: must be a user of this server')
        if (!userExists(reader, userId) || isDeactivated(reader, userId)) throw notFound('There is no such user')
        const fields = listProfileFields(reader, userId).filter(({ key }) => field === undefined || key === field)
        return jsonText(`{${fields.filter(isPublishable).map(({ key, value }) => `${JSON.stringify(key)}:${value}`)}}`)
      },
    }),
  ]
}

/** Clients may set any text as their avatar; other servers are promised an address of a file. */
function isPublishable({ key, value }: ProfileField): boolean {
  return key !== 'avatar_url' || parseMxcUri(JSON.parse(value)) !== undefined
}
