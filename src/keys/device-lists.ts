import { joinedRoomsOf, shareRoom, usersSharingRoomWith } from '../rooms/members.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { usersSignedSince } from './cross-signing-keys.ts'

/** Who began to share a room with a user, and who no longer shares any, between two positions. */
export type SharingChanges = (
  reader: Reader,
  userId: string,
  from: Position,
  to: Position,
) => { readonly joined: Iterable<string>; readonly left: Iterable<string> }

/** Above this many changed users one look at all neighbours is cheaper than a look at each of them. */
const fewUsers = 50

const put = statement<[string, Position], never>(
  `INSERT INTO device_list_changes (user_id, position) VALUES (?, ?) ON CONFLICT DO UPDATE SET position = excluded.position`,
)
const changedSince = statement<[Position], string>('SELECT user_id FROM device_list_changes WHERE position > ?', 'pluck')

/** Notes that a user's devices or cross-signing keys changed, and wakes all who share a room: by room, never by member. */
export function deviceListChanged(tx: Writer, userId: string): void {
  put(tx).run(userId, tx.nextPosition())
  tx.wake(`user/${userId}`)
  for (const { nid } of joinedRoomsOf(tx, userId)) tx.wake(`room/${nid}`)
}

/**
 * Whose keys a user must ask for again, and whom no longer to track. A change after `to` may be among them: asking early harms nobody.
 * Source: client-server API, "Extensions to /sync" of end-to-end encryption, and `/keys/changes`.
 */
export function deviceListChanges(
  reader: Reader,
  userId: string,
  from: Position,
  to: Position,
  sharingChanges: SharingChanges,
): { readonly changed: ReadonlySet<string>; readonly left: readonly string[] } {
  const sharing = sharingChanges(reader, userId, from, to)
  const changed = new Set(usersSignedSince(reader, userId, from))
  for (const other of sharing.joined) changed.add(other)
  const candidates = changedSince(reader).all(from)
  const neighbours = candidates.length > fewUsers ? new Set<string>(usersSharingRoomWith(reader, userId)) : undefined
  for (const other of candidates) {
    if (other === userId || (neighbours ? neighbours.has(other) : shareRoom(reader, userId, other))) changed.add(other)
  }
  return { changed, left: [...sharing.left] }
}
