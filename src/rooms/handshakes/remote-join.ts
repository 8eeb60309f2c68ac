import Type from 'typebox'
import { type FederationClient, isUnknownThere } from '../../federation/client.ts'
import { anyObject } from '../../http/schemas.ts'
import { authorize } from '../../matrix/authorisation/authorize.ts'
import { parseServerName, parseUserId, type RoomId, type ServerName, serverOf, type UserId } from '../../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../../matrix/json.ts'
import { judgeByAuthEvents } from '../../matrix/judge.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-versions.ts'
import type { Log } from '../../platform/log.ts'
import type { Storage } from '../../storage/storage.ts'
import { admit } from '../admit.ts'
import type { Builder } from '../build.ts'
import { findEvent } from '../event-store.ts'
import { roomOf } from '../members.ts'
import { type VerifyEvents, validEvents } from '../receiving/check.ts'
import { fetchedState } from '../receiving/fetch.ts'
import { byCitation } from '../receiving/links.ts'
import { storeOutliers } from '../receiving/outliers.ts'
import { isServerIn } from '../servers.ts'
import { buildWithHelp, type Unhelpful } from './ask-membership.ts'
import { knownRoom } from './out-of-band.ts'

export interface RemoteJoinDeps {
  readonly storage: Storage
  readonly client: FederationClient
  readonly builder: Builder
  readonly verify: VerifyEvents
  readonly log: Log
}

const sent = Type.Object({
  state: Type.Array(anyObject),
  auth_chain: Type.Array(anyObject),
  event: Type.Optional(anyObject),
})
const oldSent = Type.Tuple([Type.Literal(200), sent])
/** A room of tens of thousands of members. */
const limits = { headers: 60_000, total: 180_000, bytes: 128 * 1024 * 1024 }
const slice = 500
/** Places left free in the timeline for what was said before the join. */
const historyPlaces = 1_000_000

/** Joins a user to a room with the help of a server that is in it. Undefined: done, and on disk. */
export async function joinThrough(
  deps: RemoteJoinDeps,
  server: ServerName,
  roomId: RoomId,
  userId: UserId,
  content: JsonObject,
): Promise<Unhelpful | undefined> {
  const { client, builder } = deps
  const built = await buildWithHelp(client, builder, server, { wish: 'join', roomId, userId, content })
  if (!('pdu' in built)) return built
  const answer = await sendJoin(client, server, roomId, built.pdu)
  if (!('body' in answer)) return answer
  const { state, auth_chain: chain, event: signed } = answer.body
  const join = withSignature(built.pdu, signed as JsonObject | undefined)
  const problem = await enterRoom(deps, server, built.version, join, state as JsonObject[], chain as JsonObject[])
  return problem === undefined ? undefined : { problem }
}

async function sendJoin(client: FederationClient, server: ServerName, roomId: RoomId, { eventId, raw }: Pdu) {
  const place = `send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`
  const put = { method: 'PUT', insistent: true, content: raw, limits, exactNumbers: true } as const
  const answer = await client.ask(server, { ...put, target: `/_matrix/federation/v2/${place}` }, sent)
  if (!isUnknownThere(answer)) return answer
  const old = await client.ask(server, { ...put, target: `/_matrix/federation/v1/${place}` }, oldSent)
  return 'body' in old ? { body: old.body[1] } : old
}

/** The server of whoever lets the user in adds its signature; nothing else of the answer is taken. */
function withSignature(pdu: Pdu, signed: JsonObject | undefined): Pdu {
  const authoriser = parseUserId(pdu.content.join_authorised_via_users_server)
  const server = authoriser && serverOf(authoriser)
  const theirs = server && isObject(signed?.signatures) ? signed.signatures[server] : undefined
  if (server === undefined || !isObject(theirs)) return pdu
  return { ...pdu, raw: { ...pdu.raw, signatures: { ...(pdu.raw.signatures as JsonObject), [server]: theirs } } }
}

/** Takes over a room as another server describes it: what it stands on, its state, the join; why that cannot be otherwise. */
async function enterRoom(
  { storage, builder, verify, log }: RemoteJoinDeps,
  server: ServerName,
  version: RoomVersion,
  join: Pdu,
  state: readonly JsonObject[],
  chain: readonly JsonObject[],
): Promise<string | undefined> {
  const source = { roomId: join.roomId, version, notaries: [server] }
  const [accepted] = await validEvents(verify, source, [join.raw])
  if (accepted?.eventId !== join.eventId) return 'the join lacks the signature of the server that lets the user in'
  const stateEvents = await validEvents(verify, source, state)
  const chainEvents = await validEvents(verify, source, chain)
  const dropped = state.length - stateEvents.length
  if (dropped > 0) log.info({ server, room: join.roomId, dropped }, 'events of a state that cannot be verified are left out')
  const ordered = byCitation([...chainEvents, ...stateEvents])
  const problem = stateProblem(version, join, stateEvents, ordered)
  if (problem !== undefined) return problem
  const room = await storage.write((tx) => knownRoom(tx, join.roomId, version))
  if (!room) return 'the room is known with another version'
  for (let start = 0; start < ordered.length; start += slice) {
    await storage.write((tx) => storeOutliers(tx, room, ordered.slice(start, start + slice)))
  }
  return storage.write((tx) => {
    const present = roomOf(tx, room.nid)
    const row = findEvent(tx, join.eventId)
    // Somebody else's transaction may have brought it meanwhile.
    if (row && row.timelineOrder !== null) return undefined
    const stateBefore = fetchedState(
      tx,
      present,
      stateEvents.map(({ eventId }) => eventId),
    )
    tx.nextPosition(historyPlaces)
    const restart = !isServerIn(tx, room.nid, builder.signer.serverName)
    const admission = admit(tx, present, join, { stateBefore, restart })
    if (admission.ok) builder.onJoined?.(tx, join.sender, room.nid)
    return admission.ok ? undefined : `the join does not pass: ${admission.reason}`
  })
}

/** What is wrong with a state that a server told, before anything of it is stored. */
function stateProblem(version: RoomVersion, join: Pdu, stateEvents: readonly Pdu[], all: readonly Pdu[]): string | undefined {
  const state = new Map(stateEvents.map((pdu) => [JSON.stringify([pdu.type, pdu.stateKey]), pdu]))
  if (state.size < stateEvents.length || stateEvents.some(({ stateKey }) => stateKey === undefined))
    return 'the state has two events for one entry'
  const entry = (type: string, stateKey: string) => state.get(JSON.stringify([type, stateKey]))
  const create = entry('m.room.create', '')
  if (!create || create.roomId !== join.roomId) return 'the state has no create event'
  if (all.some(({ type, eventId }) => type === 'm.room.create' && eventId !== create.eventId))
    return 'there are two create events'
  if ((create.content.room_version ?? '1') !== version.id) return 'the create event names another room version'
  // Power levels that were there once are never gone.
  if (!entry('m.room.power_levels', '') && all.some(({ type, stateKey }) => type === 'm.room.power_levels' && stateKey === ''))
    return 'the state has no power levels, and others stand on some'
  const known = new Map(all.map((pdu) => [pdu.eventId, { pdu, rejected: false }]))
  const byAuthEvents = judgeByAuthEvents(version, join, (id) => known.get(id))
  const verdict = byAuthEvents.ok ? authorize(version, join, entry) : byAuthEvents
  return verdict.ok ? undefined : `the join does not pass: ${verdict.reason}`
}

/** The servers to try, likeliest first, each once. */
export function candidates(servers: readonly (string | undefined)[], own: ServerName): readonly ServerName[] {
  const names = servers.flatMap((name) => parseServerName(name) ?? [])
  return [...new Set(names)].filter((name) => name !== own).slice(0, maxCandidates)
}

const maxCandidates = 20
