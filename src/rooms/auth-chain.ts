import type { EventId } from '../matrix/identifiers.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'
import { pduAt, positionOf, versionOf } from './event-store.ts'
import type { Room } from './members.ts'

const jsonAt = statement<[Position], string>('SELECT json FROM events WHERE position = ?', 'pluck')

/**
 * Positions of everything that events of a room stand on by `auth_events`, without those events unless another of them cites them.
 * Source: room versions, "Auth chain". In room version 12 the create event, which none of them cites, is not among them.
 */
export function authChainOf(reader: Reader, room: Room, from: Iterable<Position>): Set<Position> {
  const chain = new Set<Position>()
  const walked = new Set<Position>()
  for (const left = [...from]; left.length > 0; ) {
    const position = left.pop()!
    if (walked.has(position)) continue
    walked.add(position)
    for (const id of authEventIds(reader, room, position)) {
      const cited = positionOf(reader, id)
      if (cited === undefined) continue
      chain.add(cited)
      if (!walked.has(cited)) left.push(cited)
    }
  }
  return chain
}

/** Names come in order in the canonical text, so what an event cites stands at its beginning: nothing else has to be read. */
const citations = /\{"auth_events":(\[(?:"[^"\\]*",?)*\])/y

function authEventIds(reader: Reader, room: Room, position: Position): readonly EventId[] {
  const version = versionOf(room)
  const json = jsonAt(reader).get(position) ?? ''
  citations.lastIndex = 0
  const list = version.eventId === 'in-event' ? undefined : citations.exec(json)?.[1]
  return list === undefined ? pduAt(reader, position, version).authEvents : (JSON.parse(list) as EventId[])
}
