import { parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { Reader } from '../storage/handles.ts'
import { isDeactivated, userExists } from './store.ts'

/** Why nobody can invite this user; undefined: nothing is known against it. Of users of this server it is known whether they exist. */
export function inviteProblem(reader: Reader, userId: string, serverName: ServerName, federating: boolean): string | undefined {
  const parsed = parseUserId(userId)
  if (parsed === undefined) return 'not a user id'
  if (serverOf(parsed) !== serverName) return federating ? undefined : 'this server does not speak with others'
  return userExists(reader, userId) && !isDeactivated(reader, userId) ? undefined : 'there is no such user'
}
