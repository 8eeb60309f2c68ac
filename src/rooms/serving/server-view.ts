import { canonicalJson } from '../../matrix/canonical-json.ts'
import { canonicalProfile } from '../../matrix/hashes.ts'
import { mayServerSee } from '../../matrix/history-visibility.ts'
import { parseUserId, type ServerName, serverOf } from '../../matrix/identifiers.ts'
import type { JsonValue } from '../../matrix/json.ts'
import { redact } from '../../matrix/redaction.ts'
import { type Reader, statement } from '../../storage/handles.ts'
import { contentOf, type EventRow, EventStatus, eventAt, pduAt, versionOf } from '../event-store.ts'
import type { Room } from '../members.ts'
import { contentAt, currentEntry, entryAt } from '../state.ts'
import { pairOf } from '../state-keys.ts'
import { differingKeys, type Root } from '../state-snapshots.ts'

/** What one server may have of one room, for the length of one request. */
export interface ServerView {
  /** The event as JSON text: whole, or redacted where the history visibility keeps it from the server. */
  textOf(row: EventRow): string
}

// Those who have been in the room longest come first: one of them decides most questions.
const usersOf = statement<[number, string], string>(
  `SELECT user_id FROM memberships WHERE room_nid = ? AND user_id LIKE '%:' || ? ORDER BY coalesce(joined_at, changed_at)`,
  'pluck',
)

/** Source: client-server API, "Room History Visibility"; what is kept from a server is sent redacted, so that the graph stays whole. */
export function serverView(reader: Reader, room: Room, server: ServerName): ServerView {
  const version = versionOf(room)
  const membershipsAt = trackMemberships(reader, room, server)

  function maySee(row: EventRow): boolean {
    if (isCurrentState(row)) return true
    const isVisibility = row.type === 'm.room.history_visibility' && row.stateKey === ''
    const before = contentAt(reader, room, row.stateRoot, 'm.room.history_visibility', '')?.history_visibility
    const after = isVisibility ? contentOf(row).history_visibility : before
    const view = { visibilityBefore: before, visibilityAfter: after }
    // Nobody's membership matters in most rooms.
    if (mayServerSee({ ...view, memberships: [] })) return true
    return mayServerSee({ ...view, memberships: [...membershipsAt(row.stateRoot), ...ownMembership(row)] })
  }

  /** Every server in the room is given the state of the room when it joins, and outliers are known as parts of a state alone. */
  function isCurrentState({ type, stateKey, position, status }: EventRow): boolean {
    if (stateKey === null) return false
    return (status & EventStatus.outlier) !== 0 || currentEntry(reader, room.nid, type, stateKey) === position
  }

  function ownMembership(row: EventRow): readonly (JsonValue | undefined)[] {
    return isMemberOf(server, row.type, row.stateKey) ? [contentOf(row).membership] : []
  }

  return {
    textOf(row) {
      if (maySee(row)) return row.json
      return canonicalJson(redact(pduAt(reader, row.position, version).raw, version), canonicalProfile(version))
    },
  }
}

/**
 * The memberships of a server's users at states. One joined user decides, so the last one found is looked at first; otherwise the first
 * state asks for each of them, and every further one for what differs from the one before.
 */
function trackMemberships(reader: Reader, room: Room, server: ServerName) {
  const memberships = new Map<string, JsonValue | undefined>()
  let users: readonly string[] | undefined
  let known: Root | undefined
  let witness: string | undefined

  function membershipAt(root: Root, userId: string): JsonValue | undefined {
    const position = entryAt(reader, root, 'm.room.member', userId)
    return position === undefined ? undefined : contentOf(eventAt(reader, position)).membership
  }

  function follow(root: Root): void {
    if (known === undefined) {
      for (const userId of users ?? []) memberships.set(userId, membershipAt(root, userId))
    } else {
      for (const key of differingKeys(reader, known, root)) {
        const { type, stateKey } = pairOf(reader, key)
        if (isMemberOf(server, type, stateKey)) memberships.set(stateKey, membershipAt(root, stateKey))
      }
    }
    known = root
  }

  return (root: Root): ReadonlySet<JsonValue | undefined> => {
    users ??= usersOf(reader)
      .all(room.nid, server)
      .filter((userId) => isMemberOf(server, 'm.room.member', userId))
    witness ??= users[0]
    if (witness !== undefined && membershipAt(root, witness) === 'join') return new Set(['join'])
    follow(root)
    witness = memberships.entries().find(([, membership]) => membership === 'join')?.[0] ?? witness
    return new Set(memberships.values())
  }
}

function isMemberOf(server: ServerName, type: string, stateKey: string | null): boolean {
  const userId = type === 'm.room.member' ? parseUserId(stateKey) : undefined
  return userId !== undefined && serverOf(userId) === server
}
