import { badJson, forbidden, tooLarge } from '../http/errors.ts'
import { maxEventBytes } from '../matrix/format.ts'
import type { Pdu } from '../matrix/pdu.ts'
import type { Position, Writer } from '../storage/handles.ts'
import { admit } from './admit.ts'
import { type Builder, buildEvent, type Draft } from './build.ts'
import { distribute } from './distribute.ts'
import { isJoined, type Room } from './members.ts'

/** Builds and admits an event of our own, or ends the request with the reason why it cannot be. `origin`: see `EventRow`. */
export function emit(
  tx: Writer,
  builder: Builder,
  room: Room,
  draft: Draft,
  origin?: string,
): { readonly position: Position; readonly pdu: Pdu } {
  // Hashing and signing an endless event is work for nothing.
  if (Buffer.byteLength(JSON.stringify(draft.content)) > maxEventBytes)
    throw tooLarge(`content: an event may have ${maxEventBytes} bytes`)
  const built = buildEvent(tx, builder, room, draft)
  if ('problem' in built) throw built.problem.startsWith('an event may have') ? tooLarge(built.problem) : badJson(built.problem)
  return enterOwn(tx, builder, room, built.pdu, origin)
}

/** Admits an event of our own and passes it on to the other servers in the room. */
export function enterOwn(
  tx: Writer,
  builder: Builder,
  room: Room,
  pdu: Pdu,
  origin?: string,
): { readonly position: Position; readonly pdu: Pdu } {
  const comes = pdu.type === 'm.room.member' && pdu.content.membership === 'join' && !isJoined(tx, room.nid, pdu.sender)
  const admission = admit(tx, room, pdu, { origin })
  if (!admission.ok) throw admission.malformed ? badJson(admission.reason) : forbidden(admission.reason)
  distribute(tx, builder, room.nid, pdu, admission.position)
  if (comes) builder.onJoined?.(tx, pdu.sender, room.nid)
  return admission
}
