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
  `INSERT INTO device_list_changes (user_id, position, stream_id) VALUES (?, ?, 0)
   ON CONFLICT DO UPDATE SET position = excluded.position`,
)
const streamId = statement<[string], number>('SELECT stream_id FROM device_list_changes WHERE user_id = ?', 'pluck')
const moveOn = statement<[string], never>('UPDATE device_list_changes SET stream_id = position WHERE user_id = ?')
const changedSince = statement<[Position], string>('SELECT user_id FROM device_list_changes WHERE position > ?', 'pluck')

/** Notes that a user's devices or cross-signing keys changed, and wakes all who share a room: by room, never by member. */
export function deviceListChanged(tx: Writer, userId: string): void {
  put(tx).run(userId, tx.nextPosition())
  tx.wake(`user/${userId}`)
  for (const { nid } of joinedRoomsOf(tx, userId)) tx.wake(`room/${nid}`)
}

/** The number of the newest change of a local user's devices, as other servers know it; 0: there was none. */
export function streamIdOf(reader: Reader, userId: string): number {
  return streamId(reader).get(userId) ?? 0
}

/** Gives the change that was just noted a number in the chain of changes of the user's devices. */
export function advanceStream(tx: Writer, userId: string): { readonly streamId: number; readonly before: number } {
  const before = streamIdOf(tx, userId)
  moveOn(tx).run(userId)
  return { before, streamId: streamIdOf(tx, userId) }
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
