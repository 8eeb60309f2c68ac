import Type, { type Static } from 'typebox'
import { invalidParam, tooLarge } from '../http/errors.ts'
import { anyObject, mapOf } from '../http/schemas.ts'
import { maxIdentifierBytes, parseRoomId } from '../matrix/identifiers.ts'
import type { PlacedKey } from './store.ts'

/** Bytes of the encrypted part of one key: generous, it is a few hundred in practice. */
const maxSessionDataBytes = 65_536

export const keyBackupData = Type.Object({
  first_message_index: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  forwarded_count: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  is_verified: Type.Boolean(),
  session_data: anyObject,
})
export const roomKeyBackup = Type.Object({ sessions: mapOf(keyBackupData) })
export const wholeBackup = Type.Object({ rooms: mapOf(roomKeyBackup) })
export const newBackup = Type.Object({ algorithm: Type.String({ minLength: 1, maxLength: 255 }), auth_data: anyObject })
export const changedBackup = Type.Object({ ...newBackup.properties, version: Type.Optional(Type.String()) })
export const versionQuery = Type.Object({ version: Type.String() })

/** A version as clients write it; undefined: no version looks like that. */
export function parseVersion(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined
}

/** @throws MatrixError naming what is wrong */
export function placeKey(roomId: string, sessionId: string, data: Static<typeof keyBackupData>): PlacedKey {
  if (!parseRoomId(roomId)) throw invalidParam(`${roomId.slice(0, 255)}: not a room id`)
  if (sessionId === '' || Buffer.byteLength(sessionId) > maxIdentifierBytes)
    throw invalidParam(`a session id must have 1 to ${maxIdentifierBytes} bytes`)
  const sessionData = JSON.stringify(data.session_data)
  if (Buffer.byteLength(sessionData) > maxSessionDataBytes)
    throw tooLarge(`session_data: more than ${maxSessionDataBytes} bytes (${roomId}, ${sessionId})`)
  return {
    roomId,
    sessionId,
    firstMessageIndex: data.first_message_index,
    forwardedCount: data.forwarded_count,
    isVerified: data.is_verified,
    sessionData,
  }
}

export function placeRoom(roomId: string, room: Static<typeof roomKeyBackup>): PlacedKey[] {
  return Object.entries(room.sessions).map(([sessionId, data]) => placeKey(roomId, sessionId, data))
}
