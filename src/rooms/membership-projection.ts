import { type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import { type Position, statement, type Writer } from '../storage/handles.ts'
import { type Membership, memberOf } from './members.ts'

const put = statement<[number, string, string, Position, Position, Position | null], never>(
  `INSERT INTO memberships (room_nid, user_id, membership, position, changed_at, joined_at, forgotten) VALUES (?, ?, ?, ?, ?, ?, 0)
   ON CONFLICT DO UPDATE SET membership = excluded.membership, position = excluded.position, changed_at = excluded.changed_at,
     joined_at = excluded.joined_at, forgotten = 0`,
)
const count = statement<[number, number, number], never>(
  'UPDATE rooms SET joined_members = joined_members + ?, invited_members = invited_members + ? WHERE nid = ?',
)
const serverCame = statement<[number, ServerName], never>(
  'INSERT INTO room_servers (room_nid, server, joined) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET joined = joined + 1',
)
const memberWent = statement<[number, ServerName], never>(
  'UPDATE room_servers SET joined = joined - 1 WHERE room_nid = ? AND server = ?',
)
const serverWent = statement<[number, ServerName], never>(
  'DELETE FROM room_servers WHERE room_nid = ? AND server = ? AND joined = 0',
)

/** A membership that became current at `at`, and the position of its event. */
export interface NewMembership {
  readonly userId: UserId
  readonly membership: Membership
  readonly position: Position
  readonly at: Position
}

/** Keeps `memberships`, the room's counts and its servers in step with a membership that became current, and wakes whom it is about. */
export function projectMembership(tx: Writer, nid: number, { userId, membership, position, at }: NewMembership): void {
  const before = memberOf(tx, nid, userId)
  const joinedAt = membership !== 'join' ? null : before?.membership === 'join' ? before.joinedAt : at
  put(tx).run(nid, userId, membership, position, at, joinedAt)
  const change = (one: Membership) => Number(membership === one) - Number(before?.membership === one)
  const joined = change('join')
  const invited = change('invite')
  if (joined !== 0 || invited !== 0) count(tx).run(joined, invited, nid)
  if (joined === 1) serverCame(tx).run(nid, serverOf(userId))
  if (joined === -1) {
    memberWent(tx).run(nid, serverOf(userId))
    serverWent(tx).run(nid, serverOf(userId))
  }
  tx.wake(`user/${userId}`)
}
