import { allUsers } from '../../accounts/store.ts'
import type { UserId } from '../../matrix/identifiers.ts'
import type { Reader } from '../../storage/handles.ts'
import { noteOf } from '../answers.ts'
import { serviceNote } from './practice-rooms.ts'
import { allStaff } from './staff-store.ts'

/** Accounts in use that belong to nobody of the staff. */
export function otherAccounts(reader: Reader): readonly { readonly userId: UserId }[] {
  const known = new Set<string>(allStaff(reader).map(({ userId }) => userId))
  const service = noteOf(reader, serviceNote)
  return allUsers(reader).filter(({ userId, deactivated }) => !deactivated && userId !== service && !known.has(userId))
}
