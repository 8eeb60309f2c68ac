import { isObject } from '../matrix/json.ts'
import type { Reader, Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { findRoom, memberOf, type Room } from './members.ts'
import { currentStateContent } from './state.ts'

/** Hands a user's settings for a room on to the room that replaces it. */
export type TransferSettings = (tx: Writer, userId: string, from: Room, to: Room) => void

/** The room that a room says it replaces, if this server knows it. */
function predecessorOf(reader: Reader, room: Room): Room | undefined {
  const predecessor = currentStateContent(reader, room.nid, 'm.room.create', '')?.predecessor
  const id = isObject(predecessor) ? predecessor.room_id : undefined
  return typeof id === 'string' && id !== room.roomId ? findRoom(reader, id) : undefined
}

/**
 * Somebody joined a room: what they had set for the one before it follows. Source: client-server API, "Room Upgrades", server behaviour.
 * The new room's word is enough, since nothing is told to anybody.
 */
export async function followUpgrade(storage: Storage, transfer: TransferSettings, userId: string, roomId: string): Promise<void> {
  const { reader } = storage
  const room = findRoom(reader, roomId)
  const before = room && predecessorOf(reader, room)
  if (!room || !before || !memberOf(reader, before.nid, userId)) return
  await storage.write((tx) => transfer(tx, userId, before, room))
}
