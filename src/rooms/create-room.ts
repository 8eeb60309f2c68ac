import { badJson, invalidParam, MatrixError } from '../http/errors.ts'
import {
  makeRoomAlias,
  makeRoomId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverOf,
  type UserId,
} from '../matrix/identifiers.ts'
import { isArray, isObject, type JsonObject } from '../matrix/json.ts'
import { type RoomVersion, roomVersions } from '../matrix/room-versions.ts'
import type { Log } from '../platform/log.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { admit } from './admit.ts'
import { insertAlias, setPublic } from './aliases.ts'
import { type Builder, buildCreateEvent } from './build.ts'
import { emit } from './emit.ts'
import { findRoom, type Room, roomOf } from './members.ts'
import type { MembershipVerbs } from './membership.ts'
import { followUpgrade, type TransferSettings } from './predecessor.ts'
import { firstPowerLevels, type Preset, presetState } from './presets.ts'
import { emptyState } from './state-snapshots.ts'

export interface CreateRoomWish {
  readonly visibility?: 'public' | 'private'
  readonly preset?: Preset
  readonly room_alias_name?: string
  readonly name?: string
  readonly topic?: string
  readonly invite?: readonly string[]
  readonly is_direct?: boolean
  readonly room_version?: string
  readonly creation_content?: JsonObject
  readonly initial_state?: readonly { readonly type: string; readonly state_key?: string; readonly content: JsonObject }[]
  readonly power_level_content_override?: JsonObject
}

export interface CreateRoomDeps {
  readonly storage: Storage
  readonly builder: Builder
  readonly random: Random
  readonly defaultVersion: string
  readonly encryptPrivateRooms: boolean
  profileOf(reader: Reader, userId: string): JsonObject
  /** Whether a user of this server exists; users of others cannot be asked about. */
  inviteProblem(reader: Reader, userId: string): string | undefined
  inviteElsewhere: MembershipVerbs['inviteElsewhere']
  readonly transferSettings: TransferSettings
  readonly log: Log
}

const insertRoom = statement<[string, string], never>(
  `INSERT INTO rooms (room_id, version, state_root, last_position, joined_members, invited_members) VALUES (?, ?, ${emptyState}, 0, 0, 0)`,
)

/**
 * Makes a room with everything that was asked for, or nothing; source: client-server API, "createRoom". Invitations to users of other
 * servers follow when the room is there; those that fail are left out.
 */
export async function createRoom(deps: CreateRoomDeps, creator: UserId, wish: CreateRoomWish): Promise<RoomId> {
  const version = roomVersions.get(wish.room_version ?? deps.defaultVersion)
  if (!version) throw new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `room_version: ${wish.room_version} cannot be made here`)
  const invitees = [...new Set(wish.invite ?? [])].filter((userId) => userId !== creator)
  for (const userId of invitees) if (parseUserId(userId) === undefined) throw invalidParam(`invite: ${userId} is not a user id`)
  const preset = wish.preset ?? (wish.visibility === 'public' ? 'public_chat' : 'private_chat')
  const alias = aliasOf(wish, deps.builder.signer.serverName)
  const own = deps.builder.signer.serverName
  const [here, elsewhere] = partition(invitees, (userId) => serverOf(userId as UserId) === own)
  for (const userId of elsewhere) {
    const problem = deps.inviteProblem(deps.storage.reader, userId)
    if (problem) throw invalidParam(`invite: ${userId}: ${problem}`)
  }
  const inviteContent = { ...(wish.is_direct && { is_direct: true }) }
  const made = await deps.storage.write((tx) => {
    const content = createContent(version, wish, preset, creator, invitees)
    const room = openRoom(tx, deps, version, creator, content)
    const put = (type: string, stateKey: string, content: JsonObject) =>
      emit(tx, deps.builder, roomOf(tx, room.nid), { type, stateKey, sender: creator, content })
    put('m.room.member', creator, { ...deps.profileOf(tx, creator), membership: 'join' })
    put('m.room.power_levels', '', levels(version, wish, preset, creatorsIn(creator, content), invitees))
    if (alias !== undefined) {
      if (!insertAlias(tx, alias, room.nid, creator))
        throw new MatrixError(400, 'M_ROOM_IN_USE', `room_alias_name: ${alias} is taken`)
      put('m.room.canonical_alias', '', { alias })
    }
    for (const [type, stateKey, content] of firstState(deps, wish, preset)) put(type, stateKey, content)
    if (wish.visibility === 'public') setPublic(tx, room.nid, true)
    for (const userId of here) {
      const problem = deps.inviteProblem(tx, userId)
      if (problem) throw invalidParam(`invite: ${userId}: ${problem}`)
      put('m.room.member', userId, {
        ...deps.profileOf(tx, userId),
        membership: 'invite',
        ...inviteContent,
      })
    }
    return roomOf(tx, room.nid)
  })
  await followUpgrade(deps.storage, deps.transferSettings, creator, made.roomId)
  const invitations = elsewhere.map((userId) => deps.inviteElsewhere(made, creator, userId as UserId, inviteContent))
  for (const outcome of await Promise.allSettled(invitations)) {
    if (outcome.status === 'fulfilled') continue
    if (!(outcome.reason instanceof MatrixError)) throw outcome.reason
    deps.log.info({ room: made.roomId, problem: outcome.reason.message }, 'an invitation from the making of a room failed')
  }
  return made.roomId
}

function partition<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}

function aliasOf(wish: CreateRoomWish, serverName: ServerName): string | undefined {
  if (wish.room_alias_name === undefined) return undefined
  const alias = makeRoomAlias(wish.room_alias_name, serverName)
  if (alias === undefined || /[:\s]/.test(wish.room_alias_name)) {
    throw invalidParam('room_alias_name: must be the part of an alias between # and :')
  }
  return alias
}

/** The room's row and its create event; from version 12 on the room's id follows from the event. */
export function openRoom(
  tx: Writer,
  deps: Pick<CreateRoomDeps, 'random' | 'builder'>,
  version: RoomVersion,
  creator: UserId,
  content: JsonObject,
  chosen?: RoomId,
): Room {
  const roomId = version.auth.createEventIsRoomId
    ? undefined
    : (chosen ?? makeRoomId(randomLetters(deps.random, 18), deps.builder.signer.serverName))
  const draft = { type: 'm.room.create', stateKey: '', sender: creator, content }
  let built = buildCreateEvent(deps.builder, version, roomId, draft)
  // The id of a version 12 room is the hash of its create event: two alike need different times.
  for (let later = 1; 'pdu' in built && findRoom(tx, built.pdu.roomId) !== undefined; later += 1) {
    const at = deps.builder.now() + later
    built = buildCreateEvent({ ...deps.builder, now: () => at }, version, roomId, draft)
  }
  if ('problem' in built) throw badJson(`creation_content: ${built.problem}`)
  const nid = Number(insertRoom(tx).run(built.pdu.roomId, version.id).lastInsertRowid)
  const admission = admit(tx, roomOf(tx, nid), built.pdu)
  if (!admission.ok) throw badJson(`creation_content: ${admission.reason}`)
  return roomOf(tx, nid)
}

function createContent(
  version: RoomVersion,
  wish: CreateRoomWish,
  preset: Preset,
  creator: string,
  invitees: readonly string[],
): JsonObject {
  const { room_version: _version, creator: _creator, ...wanted } = wish.creation_content ?? {}
  const named = wanted.additional_creators ?? []
  // In a trusted chat of version 12 all people invited are equals of its maker.
  const equals =
    version.auth.createEventIsRoomId && preset === 'trusted_private_chat' && isArray(named)
      ? [...new Set([...named, ...invitees])]
      : undefined
  return {
    ...wanted,
    ...(equals && equals.length > 0 && { additional_creators: equals }),
    ...(!version.auth.implicitCreator && { creator }),
    room_version: version.id,
  }
}

function creatorsIn(creator: string, { additional_creators: more }: JsonObject): readonly unknown[] {
  return Array.isArray(more) ? [creator, ...more] : [creator]
}

function levels(
  version: RoomVersion,
  wish: CreateRoomWish,
  preset: Preset,
  creators: readonly unknown[],
  invitees: readonly string[],
): JsonObject {
  const override = wish.power_level_content_override
  const listed = isObject(override?.users) && version.auth.createEventIsRoomId ? Object.keys(override.users) : []
  const creator = listed.find((userId) => creators.includes(userId))
  if (creator !== undefined)
    throw badJson(`power_level_content_override.users: ${creator} makes the room, stands above all levels and cannot be listed`)
  return firstPowerLevels(version, String(creators[0]), preset === 'trusted_private_chat' ? invitees : [], override, preset)
}

/** Preset, then `initial_state`, then name and topic; what comes later wins. */
function firstState(
  deps: CreateRoomDeps,
  wish: CreateRoomWish,
  preset: Preset,
): Iterable<readonly [type: string, stateKey: string, content: JsonObject]> {
  const { join_rule, guest_access } = presetState[preset]
  const state = new Map<string, readonly [string, string, JsonObject]>()
  const set = (type: string, stateKey: string, content: JsonObject) =>
    state.set(JSON.stringify([type, stateKey]), [type, stateKey, content])
  set('m.room.join_rules', '', { join_rule })
  set('m.room.history_visibility', '', { history_visibility: 'shared' })
  // Without the event guests are forbidden to enter.
  if (guest_access !== 'forbidden') set('m.room.guest_access', '', { guest_access })
  if (deps.encryptPrivateRooms && preset !== 'public_chat' && wish.creation_content?.type !== 'm.space') {
    set('m.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' })
  }
  for (const { type, state_key: stateKey = '', content } of wish.initial_state ?? []) set(type, stateKey, content)
  if (wish.name !== undefined) set('m.room.name', '', { name: wish.name })
  if (wish.topic !== undefined) {
    const html = { body: wish.topic, mimetype: 'text/plain' }
    set('m.room.topic', '', { topic: wish.topic, 'm.topic': { 'm.text': [html] } })
  }
  return state.values()
}
