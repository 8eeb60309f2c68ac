import { describe, expect, test } from 'vitest'
import type { EventLookup } from '../../src/matrix/authorisation/check-auth-events.ts'
import { judge } from '../../src/matrix/judge.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import type { Room } from './hand-made-room.ts'
import { createEvent, pdu, stateOfRoom, user } from './hand-made-room.ts'

const kicked: Room = { members: { [user]: 'leave' } }

describe.each(['3', '11', '12'])('room version %s', (id) => {
  const version = roomVersions.get(id)!
  const create = createEvent(version)
  const membership = (value: string) =>
    pdu(version, { type: 'm.room.member', stateKey: user, content: { membership: value }, eventId: `$${value}` })
  const known = [create, membership('join'), membership('ban')]
  const authEvents: EventLookup = (eventId) => {
    const found = known.find((event) => event.eventId === eventId)
    return found && { pdu: found, rejected: false }
  }
  const tryWith = (auth: string, before: Room, now: Room) => {
    const listed = version.auth.createEventIsRoomId ? [auth] : [create.eventId, auth]
    const facts = { authEvents, stateBefore: stateOfRoom(version, before), currentState: stateOfRoom(version, now) }
    return judge(version, pdu(version, { authEvents: listed }), facts)
  }
  const senderJoined = version.auth.aliases || version.auth.createEventIsRoomId ? '6' : '5'

  test('accepted', () => expect(tryWith('$join', {}, {})).toEqual({ outcome: 'accept' }))
  test('the current state forbids it: soft-failed', () => {
    expect(tryWith('$join', {}, kicked)).toMatchObject({ outcome: 'soft-fail', failed: 6, verdict: { rule: senderJoined } })
  })
  test('the state before forbids it: rejected, whatever the current state says', () => {
    expect(tryWith('$join', kicked, {})).toMatchObject({ outcome: 'reject', failed: 5, verdict: { rule: senderJoined } })
  })
  test('the auth events forbid it: rejected, whatever the states say', () => {
    expect(tryWith('$ban', {}, {})).toMatchObject({ outcome: 'reject', failed: 4, verdict: { rule: senderJoined } })
  })
  test('an unknown auth event: rejected', () =>
    expect(tryWith('$unknown', {}, {})).toMatchObject({ outcome: 'reject', failed: 4 }))
})
