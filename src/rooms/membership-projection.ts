import type { Pdu } from '../matrix/pdu.ts'
import { type Position, statement, type Writer } from '../storage/handles.ts'
import { type Membership, memberOf, type Room } from './members.ts'

const put = statement<[number, string, string, Position, Position | null], never>(
  `INSERT INTO memberships (room_nid, user_id, membership, position, joined_at, forgotten) VALUES (?, ?, ?, ?, ?, 0)
   ON CONFLICT DO UPDATE SET membership = excluded.membership, position = excluded.position, joined_at = excluded.joined_at, forgotten = 0`,
)
const count = statement<[number, number, number], never>(
  'UPDATE rooms SET joined_members = joined_members + ?, invited_members = invited_members + ? WHERE nid = ?',
)

/** Keeps `memberships` and the room's counts in step with a membership event that became current, and wakes whom it is about. */
export function projectMembership(tx: Writer, room: Room, pdu: Pdu, position: Position, replaces: Position | undefined): void {
  const userId = pdu.stateKey ?? ''
  const before = replaces === undefined ? undefined : memberOf(tx, room.nid, userId)
  const after = pdu.content.membership as Membership
  const joinedAt = after !== 'join' ? null : before?.membership === 'join' ? before.joinedAt : position
  put(tx).run(room.nid, userId, after, position, joinedAt)
  const change = (membership: Membership) => Number(after === membership) - Number(before?.membership === membership)
  const joined = change('join')
  const invited = change('invite')
  if (joined !== 0 || invited !== 0) count(tx).run(joined, invited, room.nid)
  tx.wake(`user/${userId}`)
}
