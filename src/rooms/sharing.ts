import type { UserId } from '../matrix/identifiers.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'
import { joinedMembersOf, memberOf, shareRoom } from './members.ts'

const changes = statement<[Position, Position], { nid: number; userId: UserId; membership: string; joinedAt: Position | null }>(
  'SELECT room_nid AS nid, user_id AS userId, membership, joined_at AS joinedAt FROM memberships WHERE changed_at > ? AND changed_at <= ?',
)

/** Who began to share a room with a user between two positions, and who no longer shares any. */
export function sharingChanges(reader: Reader, userId: string, from: Position, to: Position) {
  const joined = new Set<string>()
  const left = new Set<string>()
  for (const change of changes(reader).all(from, to)) {
    if (change.userId === userId) {
      const others = joinedMembersOf(reader, change.nid)
      if (change.membership === 'join' && (change.joinedAt ?? 0) > from) for (const other of others) joined.add(other)
      else if (change.membership !== 'join') for (const other of others) left.add(other)
      continue
    }
    const own = memberOf(reader, change.nid, userId)
    const isIn = own?.membership === 'join'
    const wentToo = !isIn && own !== undefined && own.changedAt > from
    if (isIn && change.membership === 'join' && (change.joinedAt ?? 0) > from) joined.add(change.userId)
    else if ((isIn || wentToo) && (change.membership === 'leave' || change.membership === 'ban')) left.add(change.userId)
  }
  joined.delete(userId)
  left.delete(userId)
  return { joined: [...joined], left: [...left].filter((other) => !shareRoom(reader, userId, other)) }
}
