import { authorize } from './authorisation/authorize.ts'
import type { EventLookup } from './authorisation/check-auth-events.ts'
import { checkAuthEvents } from './authorisation/check-auth-events.ts'
import type { StateLookup } from './authorisation/scene.ts'
import { isOversized } from './format.ts'
import { createEventIdOf } from './identifiers.ts'
import type { Pdu } from './pdu.ts'
import type { RoomVersion } from './room-versions.ts'
import { type Rejected, rejected, type Verdict } from './verdict.ts'

export interface JudgeFacts {
  /** Events that this server has: all auth events of the event must be among them, in room version 12 the create event as well. */
  readonly authEvents: EventLookup
  readonly stateBefore: StateLookup
  /** The resolved state over all forward extremities. */
  readonly currentState: StateLookup
}

export type Judgement =
  | { readonly outcome: 'accept' }
  /** `failed` is the number of the check on receipt. */
  | { readonly outcome: 'soft-fail'; readonly failed: 6; readonly verdict: Rejected }
  | { readonly outcome: 'reject'; readonly failed: 4 | 5; readonly verdict: Rejected }

/** Server-server API, "Checks performed on receipt of a PDU", 4 to 6; for our own events too. */
export function judge(version: RoomVersion, event: Pdu, facts: JudgeFacts): Judgement {
  const byAuthEvents = judgeByAuthEvents(version, event, facts.authEvents)
  if (!byAuthEvents.ok) return { outcome: 'reject', failed: 4, verdict: byAuthEvents }
  const before = authorize(version, event, facts.stateBefore)
  if (!before.ok) return { outcome: 'reject', failed: 5, verdict: before }
  const now = authorize(version, event, facts.currentState)
  return now.ok ? { outcome: 'accept' } : { outcome: 'soft-fail', failed: 6, verdict: now }
}

/** Check 4 alone, which is all that can be asked of an event for which no state is known. */
export function judgeByAuthEvents(version: RoomVersion, event: Pdu, lookup: EventLookup): Verdict {
  if (isOversized(event)) return rejected('size limits', 'type, state_key: too long')
  const listed = checkAuthEvents(version, event, lookup)
  return listed.ok ? authorize(version, event, stateOfAuthEvents(version, event, lookup)) : listed
}

/** The state that an event's auth events make up. At most ten, so a search is cheaper than a map. */
function stateOfAuthEvents(version: RoomVersion, event: Pdu, lookup: EventLookup): StateLookup {
  const createId = version.auth.createEventIsRoomId ? createEventIdOf(event.roomId) : undefined
  const ids = createId ? [createId, ...event.authEvents] : event.authEvents
  const pdus = ids.flatMap((id) => lookup(id)?.pdu ?? [])
  return (type, stateKey) => pdus.find((pdu) => pdu.type === type && pdu.stateKey === stateKey)
}
