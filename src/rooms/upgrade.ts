import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, invalidParam, MatrixError } from '../http/errors.ts'
import { makeRoomId, parseUserId, type RoomId, type UserId } from '../matrix/identifiers.ts'
import { isArray, type JsonObject, type JsonValue } from '../matrix/json.ts'
import { type RoomVersion, roomVersions } from '../matrix/room-versions.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { aliasCreator, aliasesOf, insertAlias, isPublic, removeAlias, setPublic } from './aliases.ts'
import type { Builder } from './build.ts'
import { openRoom } from './create-room.ts'
import { emit } from './emit.ts'
import { contentOf, eventAt, versionOf } from './event-store.ts'
import { findRoom, isJoined, type Room, roomOf } from './members.ts'
import type { TransferSettings } from './predecessor.ts'
import { createEventOf, currentStateContent, powerLevelsOf } from './state.ts'
import { levelsForUpgrade, levelsOfReplaced, type OldLevels } from './upgrade-levels.ts'

export interface UpgradeDeps {
  readonly storage: Storage
  readonly builder: Builder
  readonly random: Random
  profileOf(reader: Reader, userId: string): JsonObject
  readonly transferSettings: TransferSettings
}

interface UpgradeWish {
  readonly version: string
  readonly additionalCreators: readonly string[]
}

/** State that the new room takes over as it is; source: client-server API, "Room Upgrades". Power levels are adapted. */
const transferable = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
]

/** Replaces a room by one of another version, all of it or nothing. Source: client-server API, POST /rooms/{roomId}/upgrade. */
async function upgradeRoom(deps: UpgradeDeps, userId: UserId, roomId: string, wish: UpgradeWish): Promise<RoomId> {
  const version = roomVersions.get(wish.version)
  if (!version) throw new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `new_version: ${wish.version} cannot be made here`)
  const more = version.auth.createEventIsRoomId ? [...new Set(wish.additionalCreators)].filter((id) => id !== userId) : []
  for (const id of more) if (parseUserId(id) === undefined) throw invalidParam(`additional_creators: ${id} is not a user id`)
  return deps.storage.write((tx) => {
    const old = findRoom(tx, roomId)
    if (!old || !isJoined(tx, old.nid, userId)) throw forbidden('You are not in this room')
    if (!mayEnd(tx, old, userId)) throw forbidden('You cannot upgrade this room')
    const made = replace(tx, deps, old, version, userId, more)
    const creators = [userId, ...more]
    const levels = levelsForUpgrade(oldLevels(tx, old), version, creators, banned(tx).all(old.nid))
    fill(tx, deps, old, made, userId, levels.first)
    moveAliases(tx, deps, old, made, userId)
    if (levels.final !== levels.first) setLevels(tx, deps, made, userId, levels.final)
    setPublic(tx, made.nid, isPublic(tx, old.nid))
    setPublic(tx, old.nid, false)
    closeOld(tx, deps, old, userId)
    deps.transferSettings(tx, userId, old, made)
    return made.roomId
  })
}

function mayEnd(reader: Reader, room: Room, userId: string): boolean {
  const levels = powerLevelsOf(reader, room)
  return levels.ofUser(userId) >= levels.forEvent('m.room.tombstone', true)
}

/** The new room, with nobody in it, and the word in the old one that it is over. Each names the other as far as its version lets it. */
function replace(tx: Writer, deps: UpgradeDeps, old: Room, version: RoomVersion, userId: UserId, more: readonly string[]): Room {
  const end = (replacement: RoomId) =>
    emit(tx, deps.builder, old, {
      type: 'm.room.tombstone',
      stateKey: '',
      sender: userId,
      content: { body: 'This room has been replaced', replacement_room: replacement },
    }).pdu.eventId
  const { type, 'm.federate': federate } = createEventOf(tx, old).content
  const content = (predecessor: JsonObject): JsonObject => ({
    predecessor,
    ...(type !== undefined && { type }),
    ...(federate !== undefined && { 'm.federate': federate }),
    ...(more.length > 0 && { additional_creators: more }),
    ...(!version.auth.implicitCreator && { creator: userId }),
    room_version: version.id,
  })
  // The id of a room of version 12 follows from its creation, which can therefore not name what comes later.
  if (version.auth.createEventIsRoomId) {
    const made = openRoom(tx, deps, version, userId, content({ room_id: old.roomId }))
    end(made.roomId)
    return made
  }
  const roomId = makeRoomId(randomLetters(deps.random, 18), deps.builder.signer.serverName)
  if (roomId === undefined) throw new Error('the server name is too long for room ids')
  return openRoom(tx, deps, version, userId, content({ room_id: old.roomId, event_id: end(roomId) }), roomId)
}

/** Lets the maker in, and hands over state and bans. */
function fill(tx: Writer, deps: UpgradeDeps, old: Room, made: Room, userId: UserId, levels: JsonObject): void {
  const version = versionOf(made)
  const put = (type: string, stateKey: string, content: JsonObject) =>
    emit(tx, deps.builder, roomOf(tx, made.nid), { type, stateKey, sender: userId, content })
  put('m.room.member', userId, { ...deps.profileOf(tx, userId), membership: 'join' })
  put('m.room.power_levels', '', levels)
  put('m.room.join_rules', '', joinRules(tx, old, version))
  for (const type of transferable) {
    const content = currentStateContent(tx, old.nid, type, '')
    if (content) put(type, '', content)
  }
  if (currentStateContent(tx, old.nid, 'm.room.create', '')?.type === 'm.space') {
    for (const { stateKey, content } of statesOf(tx, old, 'm.space.child')) {
      if (Object.keys(content).length > 0) put('m.space.child', stateKey, content)
    }
  }
  for (const target of banned(tx).all(old.nid)) {
    const { displayname, avatar_url, reason } = currentStateContent(tx, old.nid, 'm.room.member', target) ?? {}
    const content = { membership: 'ban', ...defined({ displayname, avatar_url, reason }) }
    ifAllowed(() => put('m.room.member', target, content))
  }
}

function defined(content: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined))
}

const banned = statement<[number], string>(
  "SELECT user_id FROM memberships WHERE room_nid = ? AND membership = 'ban' ORDER BY position",
  'pluck',
)
const ofType = statement<[number, string], { stateKey: string; position: number }>(
  'SELECT state_key AS stateKey, position FROM current_state WHERE room_nid = ? AND type = ?',
)

function statesOf(reader: Reader, room: Room, type: string): { stateKey: string; content: JsonObject }[] {
  const rows = ofType(reader).all(room.nid, type)
  return rows.map(({ stateKey, position }) => ({ stateKey, content: contentOf(eventAt(reader, position)) }))
}

function oldLevels(reader: Reader, room: Room): OldLevels {
  const content = currentStateContent(reader, room.nid, 'm.room.power_levels', '')
  return { version: versionOf(room), create: createEventOf(reader, room), content }
}

/** A rule that the new version does not have would keep everybody out: who is invited comes in instead. */
function joinRules(reader: Reader, old: Room, { auth }: RoomVersion): JsonObject {
  const content = currentStateContent(reader, old.nid, 'm.room.join_rules', '') ?? { join_rule: 'invite' }
  const known: Readonly<Record<string, boolean>> = {
    knock: auth.knocking,
    restricted: auth.restrictedJoins,
    knock_restricted: auth.knockRestricted,
  }
  return known[String(content.join_rule)] === false ? { join_rule: 'invite' } : content
}

/** The names that this server gives to the old room lead to the new one, and are canonical there if they were. */
function moveAliases(tx: Writer, deps: UpgradeDeps, old: Room, made: Room, userId: UserId): void {
  const moved = aliasesOf(tx, old.nid)
  for (const alias of moved) {
    const creator = aliasCreator(tx, alias) ?? userId
    removeAlias(tx, alias)
    insertAlias(tx, alias, made.nid, creator)
  }
  const before = currentStateContent(tx, old.nid, 'm.room.canonical_alias', '')
  if (!before || moved.length === 0) return
  const pick = (wanted: (alias: unknown) => boolean): JsonObject => {
    const alternatives = isArray(before.alt_aliases) ? before.alt_aliases.filter(wanted) : []
    return {
      ...(before.alias !== undefined && wanted(before.alias) && { alias: before.alias }),
      ...(alternatives.length > 0 && { alt_aliases: alternatives }),
    }
  }
  const isMoved = (alias: unknown) => moved.includes(String(alias))
  const named = pick(isMoved)
  if (Object.keys(named).length === 0) return
  const type = 'm.room.canonical_alias'
  ifAllowed(() => emit(tx, deps.builder, roomOf(tx, made.nid), { type, stateKey: '', sender: userId, content: named }))
  const left = pick((alias) => !isMoved(alias))
  ifAllowed(() => emit(tx, deps.builder, roomOf(tx, old.nid), { type, stateKey: '', sender: userId, content: left }))
}

/** Nobody ordinary writes into the old room or invites to it any more. */
function closeOld(tx: Writer, deps: UpgradeDeps, old: Room, userId: UserId): void {
  const levels = oldLevels(tx, old)
  const content = levels.content && levelsOfReplaced(levels)
  if (!content) return
  ifAllowed(() => setLevels(tx, deps, old, userId, content))
}

function setLevels(tx: Writer, { builder }: UpgradeDeps, room: Room, userId: UserId, content: JsonObject): void {
  emit(tx, builder, roomOf(tx, room.nid), { type: 'm.room.power_levels', stateKey: '', sender: userId, content })
}

/** Who may end a room may perhaps do less in it otherwise; an event that is refused leaves no trace. */
function ifAllowed(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    if (!(error instanceof MatrixError && error.code === 'M_FORBIDDEN')) throw error
  }
}

const maxCreators = 100

export function upgradeEndpoints(deps: UpgradeDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/upgrade',
      auth: 'session',
      body: Type.Object({
        new_version: Type.String({ maxLength: 255 }),
        additional_creators: Type.Optional(Type.Array(Type.String(), { maxItems: maxCreators })),
      }),
      rateLimit: { name: 'create-room', by: 'user', burst: 20, perSecond: 0.5 },
      async handle({ auth, path, body }) {
        const wish = { version: body.new_version, additionalCreators: body.additional_creators ?? [] }
        return { replacement_room: await upgradeRoom(deps, auth.userId as UserId, path.roomId, wish) }
      },
    }),
  ]
}
