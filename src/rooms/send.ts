import { badJson, forbidden, invalidParam, MatrixError, notFound } from '../http/errors.ts'
import { canonicalJson } from '../matrix/canonical-json.ts'
import type { UserId } from '../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { resolveAlias } from './aliases.ts'
import type { Builder, Draft } from './build.ts'
import type { EventViewer } from './client-event.ts'
import { emit } from './emit.ts'
import { contentText, eventAt, findEvent } from './event-store.ts'
import { findRoom, isJoined, type Room } from './members.ts'
import { mayRedact } from './redactions.ts'
import { serversIn } from './servers.ts'
import { currentEntry } from './state.ts'
import { originOf, sentBefore } from './transactions.ts'

export interface SendDeps {
  readonly storage: Storage
  readonly builder: Builder
}

/** Messages and state that clients send, each carried out once; source: client-server API, "Sending events to a room". */
export interface Send {
  message(client: EventViewer, roomId: string, type: string, transactionId: string, content: JsonObject): Promise<string>
  state(client: EventViewer, roomId: string, type: string, stateKey: string, content: JsonObject): Promise<string>
  redaction(
    client: EventViewer,
    roomId: string,
    eventId: string,
    transactionId: string,
    reason: string | undefined,
  ): Promise<string>
}

/** Longer ones no client makes. */
const maxTransactionId = 255

export function createSend({ storage, builder }: SendDeps): Send {
  /** Carries out a draft unless the same device did so before under the same transaction id; `check` comes before it is carried out. */
  function once(
    client: EventViewer,
    roomId: string,
    transactionId: string,
    draft: Draft,
    check: (tx: Writer, room: Room) => void,
  ): Promise<string> {
    if (transactionId.length > maxTransactionId) throw invalidParam(`txnId: longer than ${maxTransactionId} characters`)
    const origin = originOf(client.deviceId, transactionId)
    return storage.write((tx) => {
      const room = findRoom(tx, roomId)
      const earlier = room && sentBefore(tx, room.nid, origin, draft)
      if (earlier !== undefined) return earlier
      const present = requireRoom(tx, roomId, client.userId)
      check(tx, present)
      return emit(tx, builder, present, draft, origin).pdu.eventId
    })
  }

  return {
    message(client, roomId, type, transactionId, content) {
      const redacts = type === 'm.room.redaction' ? redactsOf(content) : undefined
      const draft = { type, sender: client.userId as UserId, content, redacts }
      return once(client, roomId, transactionId, draft, (tx, room) => {
        if (redacts !== undefined) requireRedactable(tx, room, client.userId, redacts)
      })
    },
    state(client, roomId, type, stateKey, wanted) {
      const content = type === 'm.room.member' ? withoutAuthoriser(wanted) : wanted
      // Other servers would carry it out without asking whether its sender may redact.
      if (type === 'm.room.redaction') throw badJson('type: a redaction is no state')
      return storage.write((tx) => {
        const room = requireRoom(tx, roomId, client.userId)
        if (type === 'm.room.canonical_alias' && stateKey === '') checkAliases(tx, room, content)
        const same = sameState(tx, room, client.userId, type, stateKey, content)
        return same ?? emit(tx, builder, room, { type, stateKey, sender: client.userId as UserId, content }).pdu.eventId
      })
    },
    redaction(client, roomId, eventId, transactionId, reason) {
      const content = reason === undefined ? {} : { reason }
      const draft = { type: 'm.room.redaction', sender: client.userId as UserId, content, redacts: eventId }
      return once(client, roomId, transactionId, draft, (tx, room) => requireRedactable(tx, room, client.userId, eventId))
    },
  }
}

/** Who lets somebody in is said by servers, and signed: others would not take an event in which a client says it. */
function withoutAuthoriser(content: JsonObject): JsonObject {
  const { join_authorised_via_users_server: _authoriser, ...rest } = content
  return rest
}

/** Which rooms exist is nobody's business outside of them. */
function requireRoom(tx: Writer, roomId: string, userId: string): Room {
  const room = findRoom(tx, roomId)
  if (!room || (!isJoined(tx, room.nid, userId) && room.joinedMembers === 0)) throw forbidden('You are not in this room')
  return room
}

function redactsOf(content: JsonObject): string {
  if (typeof content.redacts !== 'string') throw badJson('redacts: must name an event')
  return content.redacts
}

function requireRedactable(tx: Writer, room: Room, userId: string, eventId: string): void {
  const target = findEvent(tx, eventId)
  // Other servers may have what this one does not know; whether it may be redacted is seen when it comes.
  if (!target && serversIn(tx, room.nid).length > 1) return
  if (!target || target.roomNid !== room.nid) throw notFound('There is no such event in this room')
  if (target.type === 'm.room.create') throw forbidden('The creation of a room cannot be redacted')
  if (!mayRedact(tx, room, userId, target)) throw forbidden('You cannot redact events of others in this room')
}

/** Setting state to what it is changes nothing. */
function sameState(
  tx: Writer,
  room: Room,
  userId: string,
  type: string,
  stateKey: string,
  content: JsonObject,
): string | undefined {
  if (!isJoined(tx, room.nid, userId)) return undefined
  const position = currentEntry(tx, room.nid, type, stateKey)
  if (position === undefined) return undefined
  const row = eventAt(tx, position)
  try {
    return row.sender === userId && contentText(row) === canonicalJson(content) ? row.eventId : undefined
  } catch (error) {
    throw badJson(`content: ${(error as Error).message}`)
  }
}

/** Aliases that are named must lead to the room; source: client-server API, "m.room.canonical_alias". */
function checkAliases(tx: Writer, room: Room, content: JsonObject): void {
  const position = currentEntry(tx, room.nid, 'm.room.canonical_alias', '')
  const before: unknown = position === undefined ? {} : JSON.parse(contentText(eventAt(tx, position)))
  const known = new Set(aliasesIn(before))
  for (const alias of aliasesIn(content)) {
    if (typeof alias !== 'string' || !/^#[^:]*:.+/.test(alias)) throw invalidParam('alt_aliases: not a room alias')
    if (!known.has(alias) && resolveAlias(tx, alias) !== room.nid) {
      throw new MatrixError(400, 'M_BAD_ALIAS', `alias: ${alias} does not lead to this room`)
    }
  }
}

function aliasesIn(content: unknown): unknown[] {
  if (!isObject(content)) return []
  const alternatives = Array.isArray(content.alt_aliases) ? content.alt_aliases : []
  return content.alias === undefined || content.alias === null || content.alias === ''
    ? alternatives
    : [content.alias, ...alternatives]
}
