import { serverOf, type UserId } from '../matrix/identifiers.ts'
import { publicRoomNids } from '../rooms/aliases.ts'
import { joinedMembersOf, joinedRoomsOf, usersSharingRoomWith } from '../rooms/members.ts'
import { isWorldReadable, joinRuleOf } from '../rooms/summary.ts'
import type { Reader } from '../storage/handles.ts'
import { fold } from './fold.ts'

export interface UserSearchDeps {
  readonly serverName: string
  /** Users with an account here that is in use. */
  localUsers(reader: Reader): readonly UserId[]
  /** What users say of themselves to everybody; never what they are called in one room. */
  profileOf(reader: Reader, userId: string): Profile
}

interface Profile {
  readonly displayname?: string
  readonly avatar_url?: string
}

interface FoundUser {
  readonly user_id: string
  readonly display_name?: string
  readonly avatar_url?: string
}

/** Listed rooms whose members of other servers are searched. */
const maxListedRooms = 100

/**
 * Users whose id or name holds every word of the term: those who share a room with the searcher, and those in rooms that everybody may enter
 * or read. Of other servers only those in shared and in listed rooms, by their ids, as their profiles are not known here.
 * Source: client-server API, "User directory".
 */
export function searchUsers(
  reader: Reader,
  deps: UserSearchDeps,
  searcher: string,
  term: string,
  limit: number,
): { results: readonly FoundUser[]; limited: boolean } {
  const words = fold(term).split(/\s+/).filter(Boolean)
  if (words.length === 0) return { results: [], limited: false }
  const neighbours = new Set<string>(usersSharingRoomWith(reader, searcher))
  const isOpen = openRooms(reader)
  const visible = (userId: string) => neighbours.has(userId) || joinedRoomsOf(reader, userId).some(({ nid }) => isOpen(nid))
  const found: { readonly user: FoundUser; readonly rank: number }[] = []
  for (const userId of candidates(reader, deps, neighbours, isOpen)) {
    const profile = serverOf(userId as UserId) === deps.serverName ? deps.profileOf(reader, userId) : {}
    const rank = userId === searcher ? undefined : rankOf(words, userId, profile)
    if (rank !== undefined) found.push({ user: toFound(userId, profile), rank })
  }
  found.sort((one, other) => one.rank - other.rank || (one.user.user_id < other.user.user_id ? -1 : 1))
  const results: FoundUser[] = []
  for (const { user } of found) {
    if (!visible(user.user_id)) continue
    if (results.length === limit) return { results, limited: true }
    results.push(user)
  }
  return { results, limited: false }
}

/** Everybody of this server, and those of others who can be visible. */
function candidates(
  reader: Reader,
  deps: UserSearchDeps,
  neighbours: Iterable<string>,
  isOpen: (nid: number) => boolean,
): Set<string> {
  const users = new Set<string>(deps.localUsers(reader))
  const addStranger = (userId: string) => {
    if (serverOf(userId as UserId) !== deps.serverName) users.add(userId)
  }
  for (const userId of neighbours) addStranger(userId)
  for (const nid of publicRoomNids(reader).slice(0, maxListedRooms)) {
    if (isOpen(nid)) for (const userId of joinedMembersOf(reader, nid)) addStranger(userId)
  }
  return users
}

/** Whether everybody may enter or read a room, looked up once for each. */
function openRooms(reader: Reader): (nid: number) => boolean {
  const known = new Map<number, boolean>()
  return (nid) => {
    let open = known.get(nid)
    if (open === undefined) {
      open = joinRuleOf(reader, nid) === 'public' || isWorldReadable(reader, nid)
      known.set(nid, open)
    }
    return open
  }
}

/** How well somebody fits, best first; undefined: not at all. */
function rankOf(words: readonly string[], userId: string, { displayname = '', avatar_url }: Profile): number | undefined {
  const id = fold(userId)
  const name = fold(displayname)
  if (!words.every((word) => name.includes(word) || id.includes(word))) return undefined
  const whole = words.join(' ')
  const fit =
    id === whole || name === whole ? 0 : name.startsWith(whole) || id.startsWith(whole) || id.startsWith(`@${whole}`) ? 1 : 2
  // Equal fits: those who say something of themselves come first.
  return fit * 2 + (displayname !== '' || avatar_url !== undefined ? 0 : 1)
}

function toFound(userId: string, { displayname, avatar_url }: Profile): FoundUser {
  return {
    user_id: userId,
    ...(displayname !== undefined && { display_name: displayname }),
    ...(avatar_url !== undefined && { avatar_url }),
  }
}
