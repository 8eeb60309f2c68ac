import { type ServerName, serverOf } from '../../matrix/identifiers.ts'
import { type Position, type Reader, statement } from '../../storage/handles.ts'
import { authChainOf } from '../auth-chain.ts'
import { type EventRow, eventAt } from '../event-store.ts'
import type { Room } from '../members.ts'
import { joinedFrom, serversIn } from '../servers.ts'
import { texts } from '../serving/state-answers.ts'
import { separated } from '../serving/text-stream.ts'
import { currentEntry } from '../state.ts'
import { statePositions } from '../state-snapshots.ts'
import type { Sent } from './serve-membership.ts'

const typeAt = statement<[Position], { type: string; stateKey: string }>(
  'SELECT type, state_key AS stateKey FROM events WHERE position = ?',
)

const heroes = statement<[number, string], Position>(
  `SELECT position FROM memberships WHERE room_nid = ? AND user_id <> ? AND membership IN ('join', 'invite') ORDER BY position LIMIT 5`,
  'pluck',
)

/**
 * The answer to send_join, in pieces to be read while it is sent: the state before the join and what it stands on.
 * Source: server-server API, PUT /v2/send_join.
 */
export function joinAnswer(
  reader: Reader,
  { room, position }: Sent,
  serverName: ServerName,
  omitMembers: boolean,
): Iterable<string> {
  const row = eventAt(reader, position)
  const whole = [...statePositions(reader, row.stateRoot)]
  const state = omitMembers ? withoutMembers(reader, room, whole, row.stateKey) : whole
  const chain = authChainOf(reader, room, [...state, position])
  // What is in the state need not be told twice to those who know of omissions.
  if (omitMembers) for (const at of state) chain.delete(at)
  const omitted = omitMembers
    ? `,"members_omitted":true,"servers_in_room":${JSON.stringify(serversBefore(reader, room, row))}`
    : ''
  return (function* () {
    yield `{"origin":${JSON.stringify(serverName)},"state":[`
    yield* separated(texts(reader, state))
    yield '],"auth_chain":['
    yield* separated(texts(reader, chain))
    yield `],"event":${row.json}${omitted}}`
  })()
}

/** Without the server that came with this join. */
function serversBefore(reader: Reader, room: Room, join: EventRow): readonly ServerName[] {
  const came = serverOf(join.sender)
  return serversIn(reader, room.nid).filter((server) => server !== came || joinedFrom(reader, room.nid, server) > 1)
}

/** Only the member who joins stays, and in a room without a name those by whom it is shown. */
function withoutMembers(reader: Reader, room: Room, state: readonly Position[], joining: string | null): readonly Position[] {
  const isNamed = ['m.room.name', 'm.room.canonical_alias'].some((type) => currentEntry(reader, room.nid, type, '') !== undefined)
  const shown = new Set(isNamed ? [] : heroes(reader).all(room.nid, joining ?? ''))
  return state.filter((position) => {
    const event = typeAt(reader).get(position)
    return event?.type !== 'm.room.member' || event.stateKey === joining || shown.has(position)
  })
}
