import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Storage } from '../storage/storage.ts'
import { searchUsers, type UserSearchDeps } from './user-search.ts'

const defaultLimit = 10
const maxLimit = 50

export function userDirectoryEndpoint(deps: UserSearchDeps & { readonly storage: Storage }): Endpoint {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/user_directory/search',
    auth: 'session',
    body: Type.Object({ search_term: Type.String({ maxLength: 255 }), limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
    rateLimit: { name: 'user-directory', by: 'user', burst: 30, perSecond: 5 },
    handle: ({ auth, body: { search_term: term, limit = defaultLimit } }) =>
      searchUsers(deps.storage.reader, deps, auth.userId, term, Math.min(limit, maxLimit)),
  })
}
