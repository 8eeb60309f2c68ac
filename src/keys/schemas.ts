import Type, { type Static } from 'typebox'
import { anyObject, mapOf } from '../http/schemas.ts'

const signatures = mapOf(mapOf(Type.String()))
const identifier = Type.String({ minLength: 1, maxLength: 255 })

const keyObject = Type.Object({ key: Type.String(), signatures: mapOf(anyObject) })
/** A one-time key: a text, or an object with signatures. */
export const oneTimeKey = Type.Union([Type.String(), keyObject])
const namedKeys = mapOf(oneTimeKey)

/** Bytes of the identity keys of one device, in canonical JSON. */
export const maxDeviceKeysBytes = 32_768
/** Bytes of one one-time or fallback key. */
export const maxKeyBytes = 8_192

export const deviceKeys = Type.Object({
  user_id: identifier,
  device_id: identifier,
  algorithms: Type.Array(Type.String(), { maxItems: 100 }),
  keys: mapOf(Type.String()),
  signatures,
})

export const uploadBody = Type.Object({
  device_keys: Type.Optional(deviceKeys),
  one_time_keys: Type.Optional(namedKeys),
  fallback_keys: Type.Optional(namedKeys),
})
export type UploadBody = Static<typeof uploadBody>

const timeout = Type.Optional(Type.Integer())
export const queryBody = Type.Object({ timeout, device_keys: mapOf(Type.Array(Type.String())) })
export const claimBody = Type.Object({ timeout, one_time_keys: mapOf(mapOf(Type.String())) })
export const changesQuery = Type.Object({ from: Type.String(), to: Type.String() })

export const crossSigningKey = Type.Object({
  user_id: identifier,
  usage: Type.Array(Type.String(), { maxItems: 10 }),
  keys: mapOf(Type.String()),
  signatures: Type.Optional(signatures),
})
export const deviceSigningBody = Type.Object({
  auth: Type.Optional(anyObject),
  master_key: Type.Optional(crossSigningKey),
  self_signing_key: Type.Optional(crossSigningKey),
  user_signing_key: Type.Optional(crossSigningKey),
})
export type DeviceSigningBody = Static<typeof deviceSigningBody>

export const signaturesBody = mapOf(mapOf(anyObject))
