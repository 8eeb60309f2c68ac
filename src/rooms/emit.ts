import { badJson, forbidden, tooLarge } from '../http/errors.ts'
import { maxEventBytes } from '../matrix/format.ts'
import type { Pdu } from '../matrix/pdu.ts'
import type { Position, Writer } from '../storage/handles.ts'
import { admit } from './admit.ts'
import { type Builder, buildEvent, type Draft } from './build.ts'
import type { Room } from './members.ts'

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
  const admission = admit(tx, room, built.pdu, { origin })
  if (!admission.ok) throw admission.malformed ? badJson(admission.reason) : forbidden(admission.reason)
  return admission
}
