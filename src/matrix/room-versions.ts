import type { RoomVersionId } from './identifiers.ts'

/**
 * What differs between room versions, as data: each version is the previous one plus its changes.
 * Flags name behaviours; no other file compares version strings. Source: specification 1.19, "Room Versions".
 */
export interface RoomVersion {
  readonly id: RoomVersionId
  readonly stability: 'stable' | 'unstable'
  /** `in-event`: the sender chose it (1, 2). Otherwise the reference hash, in standard or URL-safe base64. */
  readonly eventId: 'in-event' | 'standard-base64' | 'url-safe-base64'
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  /** Canonical JSON is enforced on receipt: integers within ±(2^53-1), no floats (6). */
  readonly strictCanonicalJson: boolean
  /** A signature counts only if its key was valid at `origin_server_ts` (5). */
  readonly enforceKeyValidity: boolean
  /**
   * An event whose type or state key is too long in bytes, but not in characters, is rejected rather than dropped: rooms of that time have
   * such events, and whoever did not know them could not follow those rooms (1 to 10).
   */
  readonly keepsOversized: boolean
  readonly redaction: RedactionRules
  readonly auth: AuthRules
}

export interface RedactionRules {
  /** `m.room.aliases` keeps `aliases` (1 to 5). */
  readonly keepAliases: boolean
  /** `m.room.join_rules` keeps `allow` (8). */
  readonly keepAllow: boolean
  /** `m.room.member` keeps `join_authorised_via_users_server` (9). */
  readonly keepJoinAuthorised: boolean
  /** The changes of version 11: create keeps all, power levels `invite`, redaction `redacts`, member `third_party_invite.signed`; no more `origin`, `membership`, `prev_state`. */
  readonly updated: boolean
  /** `redacts` lives in `content` (11). */
  readonly redactsInContent: boolean
}

export interface AuthRules {
  /** `m.room.aliases` has a rule of its own (1 to 5). */
  readonly aliases: boolean
  /** `m.room.redaction` is judged in authorisation (1, 2) rather than when it is applied. */
  readonly redactionRule: boolean
  /** `notifications` of power levels are guarded (6). */
  readonly guardNotificationLevels: boolean
  readonly knocking: boolean
  readonly restrictedJoins: boolean
  readonly knockRestricted: boolean
  /** Power levels must be integers (10). */
  readonly integerPowerLevels: boolean
  /** `m.room.create` has no `creator`; the creator is its sender (11). */
  readonly implicitCreator: boolean
  /** The room id is the create event's id, creators have infinite power, `additional_creators`, no create event in `auth_events` (12). */
  readonly createEventIsRoomId: boolean
}

interface Changes extends Partial<Omit<RoomVersion, 'redaction' | 'auth' | 'id'>> {
  readonly redaction?: Partial<RedactionRules>
  readonly auth?: Partial<AuthRules>
}

const v1: RoomVersion = {
  id: '1' as RoomVersionId,
  stability: 'stable',
  eventId: 'in-event',
  stateResolution: 'v1',
  strictCanonicalJson: false,
  enforceKeyValidity: false,
  keepsOversized: true,
  redaction: { keepAliases: true, keepAllow: false, keepJoinAuthorised: false, updated: false, redactsInContent: false },
  auth: {
    aliases: true,
    redactionRule: true,
    guardNotificationLevels: false,
    knocking: false,
    restrictedJoins: false,
    knockRestricted: false,
    integerPowerLevels: false,
    implicitCreator: false,
    createEventIsRoomId: false,
  },
}

const changes: readonly (readonly [id: string, Changes])[] = [
  ['2', { stateResolution: 'v2' }],
  ['3', { eventId: 'standard-base64', auth: { redactionRule: false } }],
  ['4', { eventId: 'url-safe-base64' }],
  ['5', { enforceKeyValidity: true }],
  [
    '6',
    { strictCanonicalJson: true, auth: { aliases: false, guardNotificationLevels: true }, redaction: { keepAliases: false } },
  ],
  ['7', { auth: { knocking: true } }],
  ['8', { auth: { restrictedJoins: true }, redaction: { keepAllow: true } }],
  ['9', { redaction: { keepJoinAuthorised: true } }],
  ['10', { auth: { knockRestricted: true, integerPowerLevels: true } }],
  ['11', { keepsOversized: false, auth: { implicitCreator: true }, redaction: { updated: true, redactsInContent: true } }],
  ['12', { stateResolution: 'v2.1', auth: { createEventIsRoomId: true } }],
]

const table = new Map<string, RoomVersion>([[v1.id, v1]])
let previous = v1
for (const [id, change] of changes) {
  previous = {
    ...previous,
    ...change,
    id: id as RoomVersionId,
    redaction: { ...previous.redaction, ...change.redaction },
    auth: { ...previous.auth, ...change.auth },
  }
  table.set(id, previous)
}

/** Every room version this server implements, by id, oldest first. */
export const roomVersions: ReadonlyMap<string, RoomVersion> = table
