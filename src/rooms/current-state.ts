import { parseUserId, type UserId } from '../matrix/identifiers.ts'
import { type Position, statement, type Writer } from '../storage/handles.ts'
import { pduAt, versionOf } from './event-store.ts'
import { type Membership, memberOf, type Room } from './members.ts'
import { projectMembership } from './membership-projection.ts'
import { pairOf } from './state-keys.ts'
import { differingKeys, type Root, stateEntry } from './state-snapshots.ts'

const set = statement<[number, string, string, Position], never>(
  `INSERT INTO current_state (room_nid, type, state_key, position) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET position = excluded.position`,
)
const unset = statement<[number, string, string], never>(
  'DELETE FROM current_state WHERE room_nid = ? AND type = ? AND state_key = ?',
)
const advance = statement<[Root, Position, number], never>('UPDATE rooms SET state_root = ?, last_position = ? WHERE nid = ?')
const remember = statement<[number, Position, Root], never>(
  `INSERT INTO room_states (room_nid, position, state_root) VALUES (?, ?, ?)
   ON CONFLICT DO UPDATE SET state_root = excluded.state_root`,
)

/** Makes a state the current one, from the place `at` in the timeline on. Cost follows what changes. */
export function advanceState(tx: Writer, room: Room, root: Root, at: Position): void {
  advance(tx).run(root, at, room.nid)
  if (root === room.stateRoot) return
  remember(tx).run(room.nid, at, root)
  for (const key of differingKeys(tx, room.stateRoot, root)) {
    const { type, stateKey } = pairOf(tx, key)
    const position = stateEntry(tx, root, key)
    if (position === undefined) unset(tx).run(room.nid, type, stateKey)
    else set(tx).run(room.nid, type, stateKey, position)
    // The rules let members of the room invite and ban what is no user.
    const userId = type === 'm.room.member' ? parseUserId(stateKey) : undefined
    if (userId !== undefined) projectEntry(tx, room, userId, position, at)
  }
}

function projectEntry(tx: Writer, room: Room, userId: UserId, position: Position | undefined, at: Position): void {
  if (position !== undefined) {
    const membership = pduAt(tx, position, versionOf(room)).content.membership as Membership
    projectMembership(tx, room.nid, { userId, membership, position, at })
    return
  }
  // Resolution may take away a membership altogether; whoever had it is out.
  const before = memberOf(tx, room.nid, userId)
  if (before) projectMembership(tx, room.nid, { userId, membership: 'leave', position: before.position, at })
}
