import { notFound } from '../../http/errors.ts'
import type { Reply } from '../../http/reply.ts'
import { type Position, type Reader, statement } from '../../storage/handles.ts'
import { authChainOf } from '../auth-chain.ts'
import { type EventRow, EventStatus, eventIdAt, findEvent, versionOf } from '../event-store.ts'
import type { Room } from '../members.ts'
import { currentEntry } from '../state.ts'
import { statePositions } from '../state-snapshots.ts'
import { jsonStream, separated } from './text-stream.ts'

const jsonAt = statement<[Position], string>('SELECT json FROM events WHERE position = ?', 'pluck')

/** The room's event, rejected ones included: whoever asks judges for themselves. */
function eventIn(reader: Reader, room: Room, eventId: string): EventRow {
  const row = findEvent(reader, eventId)
  if (row?.roomNid !== room.nid) throw notFound('There is no such event in this room')
  return row
}

/** Positions of the state before an event and of all that it stands on. */
function stateAt(reader: Reader, room: Room, eventId: string): { state: readonly Position[]; chain: readonly Position[] } {
  const row = eventIn(reader, room, eventId)
  if ((row.status & EventStatus.outlier) !== 0) throw notFound('The state at this event is not known here')
  const state = [...statePositions(reader, row.stateRoot)]
  return { state, chain: [...authChainOf(reader, room, state)] }
}

/** Source: server-server API, GET /state. */
export function stateAnswer(reader: Reader, room: Room, eventId: string): Reply {
  const { state, chain } = stateAt(reader, room, eventId)
  return jsonStream(
    (function* () {
      yield '{"pdus":['
      yield* separated(texts(reader, state))
      yield '],"auth_chain":['
      yield* separated(texts(reader, chain))
      yield ']}'
    })(),
  )
}

/** Source: server-server API, GET /state_ids. */
export function stateIdsAnswer(reader: Reader, room: Room, eventId: string): Reply {
  const { state, chain } = stateAt(reader, room, eventId)
  const ids = (positions: readonly Position[]) =>
    separated(positions.values().map((position) => JSON.stringify(eventIdAt(reader, position))))
  return jsonStream(
    (function* () {
      yield '{"pdu_ids":['
      yield* ids(state)
      yield '],"auth_chain_ids":['
      yield* ids(chain)
      yield ']}'
    })(),
  )
}

/** Each event after those that it cites. Source: server-server API, GET /event_auth. */
export function authChainAnswer(reader: Reader, room: Room, eventId: string): Reply {
  const row = eventIn(reader, room, eventId)
  const chain = authChainOf(reader, room, [row.position])
  // What no event cites, but all stand on.
  const create = versionOf(room).auth.createEventIsRoomId ? currentEntry(reader, room.nid, 'm.room.create', '') : undefined
  if (create !== undefined && create !== row.position) chain.add(create)
  const ordered = [...chain].sort((one, other) => one - other)
  return jsonStream(
    (function* () {
      yield '{"auth_chain":['
      yield* separated(texts(reader, ordered))
      yield ']}'
    })(),
  )
}

/** Events are never deleted, so their texts can be read one after the other while others write. */
export function* texts(reader: Reader, positions: Iterable<Position>): Generator<string> {
  for (const position of positions) {
    const json = jsonAt(reader).get(position)
    if (json === undefined) throw new Error(`no event at ${position}`)
    yield json
  }
}
