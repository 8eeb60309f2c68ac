import { describe, expect, test } from 'vitest'
import { authorize } from '../../src/matrix/authorisation/authorize.ts'
import type { EventLookup } from '../../src/matrix/authorisation/check-auth-events.ts'
import { checkAuthEvents } from '../../src/matrix/authorisation/check-auth-events.ts'
import { requiredSigners } from '../../src/matrix/receipt.ts'
import type { RoomVersion } from '../../src/matrix/room-versions.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import type { Verdict } from '../../src/matrix/verdict.ts'
import { joinRows } from './authorisation-rules/join-rows.ts'
import { levelsRows } from './authorisation-rules/levels-rows.ts'
import { memberRows } from './authorisation-rules/member-rows.ts'
import { otherRows } from './authorisation-rules/other-rows.ts'
import type { Numbers } from './authorisation-rules/row.ts'
import { join, redeem } from './authorisation-rules/row.ts'
import type { Draft, Room } from './hand-made-room.ts'
import {
  ada,
  createEvent,
  createIdOf,
  far,
  mod,
  pdu,
  publicKey,
  roomIdOf,
  signedInvite,
  stateOfRoom,
  stranger,
  user,
} from './hand-made-room.ts'

const bare = (version: RoomVersion) => createEvent(version)
type CreateRow = readonly [Numbers, 'allow' | 'reject', what: string, (version: RoomVersion) => ReturnType<typeof bare>]

const createRows: readonly CreateRow[] = [
  ['12:1.1 11:1.1 10:1.1 1:1.1', 'reject', 'create behind another event', (v) => ({ ...bare(v), prevEvents: [createIdOf(v)] })],
  [
    '11:1.2 10:1.2 1:1.2',
    'reject',
    'create in a room of another server',
    (v) => ({ ...bare(v), roomId: '!room:b.test' as never }),
  ],
  ['12:1.2', 'reject', 'create with a room id', (v) => ({ ...bare(v), raw: { room_id: roomIdOf(v) } })],
  ['12:1.3 11:1.3 10:1.3 1:1.3', 'reject', 'create of an unknown version', (v) => createEvent(v, { room_version: '99' })],
  ['10:1.4 1:1.4', 'reject', 'create without creator', (v) => ({ ...bare(v), content: {} })],
  ['12:1.4', 'reject', 'additional creators that are none', (v) => createEvent(v, { additional_creators: ['ada'] })],
  ['12:1.4', 'reject', 'additional creators that are no list', (v) => createEvent(v, { additional_creators: ada })],
  ['11:1.4', 'allow', 'additional creators mean nothing yet', (v) => createEvent(v, { additional_creators: ada })],
  ['12:1.5 11:1.4 10:1.5 1:1.5', 'allow', 'create', bare],
]

interface Listing {
  /** What is listed in `auth_events`. */
  readonly listed?: readonly Draft[]
  readonly withCreate?: boolean
  readonly rejected?: readonly string[]
  readonly roomId?: string
}
const powerLevels: Draft = { type: 'm.room.power_levels', stateKey: '', eventId: '$levels' }
const ownMembership: Draft = { ...join(user), eventId: '$member' }
type ListingRow = readonly [Numbers, 'allow' | 'reject', what: string, Listing]

const listingRows: readonly ListingRow[] = [
  ['12:2', 'reject', 'the room id names no event', { roomId: `!${'d'.repeat(43)}` }],
  ['12:2', 'reject', 'the room id has a server', { roomId: '!room:a.test' }],
  ['12:2', 'reject', 'the room id names a rejected event', { rejected: ['CREATE'] }],
  ['12:3.1 11:2.1 1:2.1', 'reject', 'the same state twice', { listed: [powerLevels, { ...powerLevels, eventId: '$other' }] }],
  [
    '12:3.2 11:2.2 1:2.2',
    'reject',
    'what does not authorise',
    { listed: [{ type: 'm.room.topic', stateKey: '', eventId: '$topic' }] },
  ],
  ['12:3.2', 'reject', 'the create event', { withCreate: true }],
  ['12:3.3 11:2.3 1:2.3', 'reject', 'a rejected event', { listed: [powerLevels], rejected: ['$levels'] }],
  ['11:2.4 1:2.4', 'reject', 'no create event', { withCreate: false }],
  ['12:3.4 11:2.5 1:2.5', 'reject', 'an event of another room', { listed: [{ ...powerLevels, roomId: '!room:b.test' }] }],
  ['12:3 11:2 1:2', 'allow', 'as selected', { listed: [powerLevels, ownMembership] }],
]

function checkListing(version: RoomVersion, listing: Listing): Verdict {
  const { listed = [], withCreate = !version.auth.createEventIsRoomId, rejected = [] } = listing
  const known = [createEvent(version), ...listed.map((draft) => pdu(version, draft))]
  const isRejected = (id: string) => rejected.includes(id === createIdOf(version) ? 'CREATE' : id)
  const lookup: EventLookup = (id) => {
    const found = known.find(({ eventId }) => eventId === id)
    return found && { pdu: found, rejected: isRejected(id) }
  }
  const authEvents = known.slice(withCreate ? 0 : 1).map(({ eventId }) => eventId)
  const roomId = listing.roomId ? { roomId: listing.roomId } : {}
  return checkAuthEvents(version, pdu(version, { authEvents, ...roomId }), lookup)
}

function checkState(version: RoomVersion, draft: Draft, room: Room = {}): Verdict {
  const prevEvents = draft.prevEvents?.map((id) => (id === 'CREATE' ? createIdOf(version) : id))
  return authorize(version, pdu(version, prevEvents ? { ...draft, prevEvents } : draft), stateOfRoom(version, room))
}

const cited = new Map<string, Set<string>>()

function tryRow(
  [numbers, expected, what]: readonly [Numbers, string, string, ...unknown[]],
  judgeIn: (version: RoomVersion) => Verdict,
): void {
  for (const [id, rule] of numbers.split(' ').map((number) => number.split(':') as [string, string])) {
    cited.set(id, (cited.get(id) ?? new Set()).add(rule))
    test(`room version ${id}, rule ${rule}, ${expected}: ${what}`, () => {
      const verdict = judgeIn(roomVersions.get(id)!)
      expect(verdict).toMatchObject(expected === 'allow' ? { ok: true } : { ok: false, rule })
    })
  }
}

describe('rules on create events', () => {
  for (const row of createRows) {
    tryRow(row, (version) => checkAuthEvents(version, row[3](version), () => undefined))
    tryRow(row, (version) => authorize(version, row[3](version), () => undefined))
  }
})

describe('rules on auth events', () => {
  for (const row of listingRows) tryRow(row, (version) => checkListing(version, row[3]))

  test('room version 11, rule 2.3, reject: an event that nobody has', () => {
    const version = roomVersions.get('11')!
    const authEvents = [createIdOf(version), '$unknown']
    const lookup: EventLookup = (id) => (id === createIdOf(version) ? { pdu: createEvent(version), rejected: false } : undefined)
    expect(checkAuthEvents(version, pdu(version, { authEvents }), lookup)).toMatchObject({ ok: false, rule: '2.3' })
  })
})

describe('rules on state', () => {
  for (const row of [...otherRows, ...joinRows, ...memberRows, ...levelsRows])
    tryRow(row, (version) => checkState(version, row[3], row[4]))

  test.each([
    ['12', '5.2.1'],
    ['11', '4.2.1'],
    ['8', '4.2.1'],
  ])('room version %s, rule %s: the signature of the server that vouches is asked for on receipt', (id, rule) => {
    cited.get(id)?.add(rule)
    const raw = { type: 'm.room.member', sender: far, content: { membership: 'join', join_authorised_via_users_server: mod } }
    expect(requiredSigners(raw, roomVersions.get(id)!)).toEqual(['b.test', 'a.test'])
  })

  test('keys of third-party invites may be in URL-safe base64', () => {
    const version = roomVersions.get('12')!
    const issued = { type: 'm.room.third_party_invite', stateKey: 't', sender: mod }
    const urlSafe = publicKey.replaceAll('+', '-').replaceAll('/', '_')
    const state = stateOfRoom(version, {})
    const verdict = authorize(version, pdu(version, redeem(mod, stranger, { signed: signedInvite(stranger) })), (type, key) =>
      type === issued.type ? pdu(version, { ...issued, content: { public_key: urlSafe } }) : state(type, key),
    )
    expect(verdict).toEqual({ ok: true })
  })
})

// The lists of the specification: nobody may forget a rule here.
const lists: Readonly<Record<string, string>> = {
  '12': `1.1 1.2 1.3 1.4 1.5 2 3.1 3.2 3.3 3.4 4 5.1 5.2.1 5.3.1 5.3.2 5.3.3 5.3.4 5.3.5.1 5.3.5.2 5.3.5.3 5.3.6 5.3.7 5.4.1.1 5.4.1.2
    5.4.1.3 5.4.1.4 5.4.1.5 5.4.1.6 5.4.1.7 5.4.1.8 5.4.2 5.4.3 5.4.4 5.4.5 5.5.1 5.5.2 5.5.3 5.5.4 5.5.5 5.6.1 5.6.2 5.6.3 5.7.1 5.7.2
    5.7.3 5.7.4 5.8 6 7.1 8 9 10.1 10.2 10.3 10.4 10.5 10.6.1 10.6.2 10.7.1 10.8.1 10.9.1 10.10.1 10.11 11`,
  '11': `1.1 1.2 1.3 1.4 2.1 2.2 2.3 2.4 2.5 3 4.1 4.2.1 4.3.1 4.3.2 4.3.3 4.3.4 4.3.5.1 4.3.5.2 4.3.5.3 4.3.6 4.3.7 4.4.1.1 4.4.1.2
    4.4.1.3 4.4.1.4 4.4.1.5 4.4.1.6 4.4.1.7 4.4.1.8 4.4.2 4.4.3 4.4.4 4.4.5 4.5.1 4.5.2 4.5.3 4.5.4 4.5.5 4.6.1 4.6.2 4.6.3 4.7.1 4.7.2
    4.7.3 4.7.4 4.8 5 6.1 7 8 9.1 9.2 9.3 9.4 9.5.1 9.5.2 9.6.1 9.7.1 9.8.1 9.9.1 9.10 10`,
  '1': `1.1 1.2 1.3 1.4 1.5 2.1 2.2 2.3 2.4 2.5 3 4.1 4.2 4.3 5.1 5.2.1 5.2.2 5.2.3 5.2.4 5.2.5 5.2.6 5.3.1.1 5.3.1.2 5.3.1.3 5.3.1.4
    5.3.1.5 5.3.1.6 5.3.1.7 5.3.1.8 5.3.2 5.3.3 5.3.4 5.3.5 5.4.1 5.4.2 5.4.3 5.4.4 5.4.5 5.5.1 5.5.2 5.5.3 5.6 6 7.1 8 9 10.1 10.2
    10.3.1 10.3.2 10.4.1 10.5.1 10.6.1 10.7.1 10.8 11.1 11.2 11.3 12`,
}

test.each(Object.entries(lists))('room version %s: each rule of the list has a case', (id, list) => {
  const missing = list.split(/\s+/).filter((rule) => !cited.get(id)?.has(rule))
  expect(missing).toEqual([])
})
