import { mayUserSee } from '../matrix/history-visibility.ts'
import type { JsonValue } from '../matrix/json.ts'
import type { Position, Reader } from '../storage/handles.ts'
import { type EventRow, eventAt, orderOf, pduAt, versionOf } from './event-store.ts'
import { memberOf, type Room } from './members.ts'
import { contentAt } from './state.ts'
import type { Root } from './state-snapshots.ts'

/** What one user sees of one room, for the length of one request. */
export interface RoomView {
  maySee(row: EventRow): boolean
  /** The user's membership at the event; after it, for the event that changes it. */
  membershipAt(row: EventRow): string
}

/** Memberships walked back through to find when somebody who left was last joined. */
const maxWalk = 100

export function roomView(reader: Reader, room: Room, userId: string): RoomView {
  const member = memberOf(reader, room.nid, userId)
  const joinedSince = member?.membership === 'join' ? (member.joinedAt ?? undefined) : undefined
  const atRoot = new Map<Root, { visibility: JsonValue | undefined; membership: JsonValue | undefined }>()
  let lastJoin: Position | undefined

  function stateAt(root: Root) {
    let known = atRoot.get(root)
    if (!known) {
      known = {
        visibility: contentAt(reader, room, root, 'm.room.history_visibility', '')?.history_visibility,
        membership: contentAt(reader, room, root, 'm.room.member', userId)?.membership,
      }
      atRoot.set(root, known)
    }
    return known
  }

  function isOwnMembership(row: EventRow): boolean {
    return row.type === 'm.room.member' && row.stateKey === userId
  }

  function joinedAfter(row: EventRow): boolean {
    if (joinedSince !== undefined) return true
    lastJoin ??= member ? lastJoinedAt(reader, room, member.position) : 0
    return orderOf(row) < lastJoin
  }

  return {
    maySee(row) {
      const before = stateAt(row.stateRoot)
      const content =
        isOwnMembership(row) || row.type === 'm.room.history_visibility'
          ? pduAt(reader, row.position, versionOf(room)).content
          : undefined
      return mayUserSee({
        visibilityBefore: before.visibility,
        visibilityAfter:
          row.type === 'm.room.history_visibility' && row.stateKey === '' ? content?.history_visibility : before.visibility,
        membershipBefore: before.membership,
        membershipAfter: isOwnMembership(row) ? content?.membership : before.membership,
        joinedLater: joinedAfter(row),
      })
    },
    membershipAt(row) {
      if (joinedSince !== undefined && orderOf(row) >= joinedSince) return 'join'
      const membership = isOwnMembership(row)
        ? pduAt(reader, row.position, versionOf(room)).content.membership
        : stateAt(row.stateRoot).membership
      return typeof membership === 'string' ? membership : 'leave'
    },
  }
}

/** The end of the last time that somebody was joined who is no longer: place of the event that ended it; 0: never. */
function lastJoinedAt(reader: Reader, room: Room, newest: Position): Position {
  let position: Position | null = newest
  for (let step = 0; position !== null && step < maxWalk; step += 1) {
    const row: EventRow = eventAt(reader, position)
    if (row.replaces === null) return 0
    if (pduAt(reader, row.replaces, versionOf(room)).content.membership === 'join') return orderOf(row)
    position = row.replaces
  }
  return 0
}
