import type { StateLookup } from '../../src/matrix/authorisation/scene.ts'
import { toPdu } from '../../src/matrix/format.ts'
import type { EventId } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { Pdu } from '../../src/matrix/pdu.ts'
import type { RoomVersion } from '../../src/matrix/room-versions.ts'

/** The events of a room in test/vectors as PDUs, by the ids of its table. */
export function pdusOf(events: Readonly<Record<string, JsonObject>>, version: RoomVersion): ReadonlyMap<string, Pdu> {
  return new Map(Object.entries(events).map(([id, raw]) => [id, toPdu(raw, version, id as EventId)]))
}

/** A state from its events. */
export function stateOf(pdus: Iterable<Pdu>): StateLookup {
  const state = new Map([...pdus].map((pdu) => [JSON.stringify([pdu.type, pdu.stateKey]), pdu]))
  return (type, stateKey) => state.get(JSON.stringify([type, stateKey]))
}
