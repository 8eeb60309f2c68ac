import { isDeactivated, userExists } from '../accounts/store.ts'
import { type Endpoint, endpoint, type RateLimit, type Session } from '../http/endpoint.ts'
import { forbidden, invalidParam, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { anyObject } from '../http/schemas.ts'
import { parseUserId, type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import type { Storage } from '../storage/storage.ts'
import { fits, keyProblem, readValue, refuse } from './field.ts'
import type { RemoteProfiles } from './remote-profiles.ts'
import { deleteProfileField, findProfileField, listProfileFields, setProfileField } from './store.ts'

interface ProfileDeps {
  readonly storage: Storage
  readonly serverName: ServerName
  /** Undefined: this server does not speak with others. */
  readonly remoteProfiles: RemoteProfiles | undefined
  /** Tells those who share a room with the user that display name or avatar changed; called once the change is on disk. */
  readonly announce: (userId: string) => Promise<void>
}

const fieldPath = '/_matrix/client/v3/profile/{userId}/{keyName}'

/** Each change of a name may be an event in every room of the user. */
const rateLimit: RateLimit = { name: 'profile', by: 'user', burst: 20, perSecond: 0.5 }

/** Anybody may ask, and make this server ask others. */
const lookups: RateLimit = { name: 'profile-lookups', by: 'address', burst: 200, perSecond: 20 }

/** What users say about themselves; source: client-server API, "Profiles". */
export function profileEndpoints({ storage, serverName, remoteProfiles, announce }: ProfileDeps): Endpoint[] {
  const { reader } = storage

  function userIn(text: string): UserId {
    const userId = parseUserId(text)
    if (userId === undefined) throw invalidParam(`userId: ${text} is not a user id`)
    return userId
  }

  function requireUser(userId: UserId): void {
    if (!userExists(reader, userId) || isDeactivated(reader, userId)) throw notFound('There is no such user')
  }

  /** `value`: JSON; undefined removes the field. */
  async function change(userId: string, key: string, value: string | undefined): Promise<Record<never, never>> {
    const changed = await storage.write((tx) => {
      if (findProfileField(tx, userId, key) === value) return false
      if (value === undefined) deleteProfileField(tx, userId, key)
      else if (fits(tx, userId, key, value)) setProfileField(tx, userId, key, value)
      else refuse({ code: 'M_PROFILE_TOO_LARGE', message: 'The whole profile must be under 64 KiB' })
      return true
    })
    if (changed && (key === 'displayname' || key === 'avatar_url')) await announce(userId)
    return {}
  }

  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/profile/{userId}',
      auth: 'none',
      rateLimit: lookups,
      async handle({ path }) {
        const userId = userIn(path.userId)
        if (remoteProfiles && serverOf(userId) !== serverName) return remoteProfiles(userId)
        requireUser(userId)
        const fields = listProfileFields(reader, userId).map(({ key, value }) => `${JSON.stringify(key)}:${value}`)
        return jsonText(`{${fields.join(',')}}`)
      },
    }),
    endpoint({
      method: 'GET',
      path: fieldPath,
      auth: 'none',
      rateLimit: lookups,
      async handle({ path }) {
        const userId = userIn(path.userId)
        if (remoteProfiles && serverOf(userId) !== serverName) return remoteProfiles(userId, path.keyName)
        requireUser(userId)
        const value = findProfileField(reader, userId, path.keyName)
        if (value === undefined) throw notFound('The profile has no such field')
        return jsonText(`{${JSON.stringify(path.keyName)}:${value}}`)
      },
    }),
    endpoint({
      method: 'PUT',
      path: fieldPath,
      auth: 'session',
      body: anyObject,
      maxBody: 128 * 1024,
      rateLimit,
      handle({ auth, path, body }) {
        requireSelf(auth, path.userId)
        const problem = keyProblem(path.keyName)
        if (problem) refuse(problem)
        const read = readValue(path.keyName, body)
        return 'code' in read ? refuse(read) : change(auth.userId, path.keyName, read.value)
      },
    }),
    endpoint({
      method: 'DELETE',
      path: fieldPath,
      auth: 'session',
      rateLimit,
      handle({ auth, path }) {
        requireSelf(auth, path.userId)
        const problem = keyProblem(path.keyName)
        if (problem) refuse(problem)
        return change(auth.userId, path.keyName, undefined)
      },
    }),
  ]
}

function requireSelf(auth: Session, userId: string): void {
  if (userId !== auth.userId) throw forbidden('The profile of others is theirs alone')
}
