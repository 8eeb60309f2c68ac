import type { JsonObject } from './json.ts'
import { isObject } from './json.ts'
import type { RoomVersion } from './room-versions.ts'

/** The part of an event that decides which state authorises it. */
export interface EventToAuthorise {
  readonly type: string
  readonly sender: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
}

export type StateKey = readonly [type: string, stateKey: string]

/**
 * The state whose events (where the room has them) belong into `auth_events`, each once:
 * server-server API, "Auth events selection".
 */
export function selectAuthEvents(version: RoomVersion, event: EventToAuthorise): readonly StateKey[] {
  if (event.type === 'm.room.create') return []
  const selected: StateKey[] = version.auth.createEventIsRoomId ? [] : [['m.room.create', '']]
  selected.push(['m.room.power_levels', ''], ['m.room.member', event.sender])
  if (event.type === 'm.room.member') addForMembership(selected, version, event)
  return selected
}

function addForMembership(selected: StateKey[], version: RoomVersion, { sender, stateKey, content }: EventToAuthorise): void {
  const { membership, join_authorised_via_users_server: authorisedBy } = content
  if (stateKey !== undefined && stateKey !== sender) selected.push(['m.room.member', stateKey])
  if (membership === 'join' || membership === 'invite' || membership === 'knock') selected.push(['m.room.join_rules', ''])
  const token = membership === 'invite' ? tokenOf(content) : undefined
  if (token !== undefined) selected.push(['m.room.third_party_invite', token])
  if (membership !== 'join' || !version.auth.restrictedJoins || typeof authorisedBy !== 'string') return
  if (authorisedBy !== sender && authorisedBy !== stateKey) selected.push(['m.room.member', authorisedBy])
}

function tokenOf(content: JsonObject): string | undefined {
  const signed = isObject(content.third_party_invite) ? content.third_party_invite.signed : undefined
  return isObject(signed) && typeof signed.token === 'string' ? signed.token : undefined
}
