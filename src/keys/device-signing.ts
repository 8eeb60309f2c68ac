import { devicesOf } from '../accounts/store.ts'
import { type ErrorCode, MatrixError } from '../http/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import { importVerifyKey } from '../matrix/signatures.ts'
import type { Reader, Writer } from '../storage/handles.ts'
import {
  type CrossSigningKey,
  crossSigningKeysOf,
  removeCrossSigningKey,
  setCrossSigningKey,
  type Usage,
} from './cross-signing-keys.ts'
import type { KeyChanges } from './key-changes.ts'
import type { DeviceSigningBody } from './schemas.ts'
import { bareText, isSignedBy, readSigned, signaturesBy, toCanonical } from './signed-json.ts'

const maxKeyBytes = 32_768

/** An uploaded cross-signing key, well-formed, its signature not yet checked. */
interface UploadedKey extends CrossSigningKey {
  readonly object: JsonObject
}

type Refusal = { readonly refused: MatrixError }

/** @returns the keys of a request, well-formed; or why they are refused */
export function readCrossSigningKeys(userId: string, body: DeviceSigningBody): readonly UploadedKey[] | Refusal {
  const keys: UploadedKey[] = []
  for (const usage of ['master', 'self_signing', 'user_signing'] as const) {
    const value = body[`${usage}_key`]
    if (!value) continue
    const key = readCrossSigningKey(userId, usage, value)
    if ('refused' in key) return key
    keys.push(key)
  }
  return keys
}

/**
 * Stores cross-signing keys within a write.
 * @param confirmed the user has authenticated interactively for this
 * @returns `unconfirmed`: nothing was stored, since the user must authenticate first
 * Source: client-server API, `/keys/device_signing/upload`.
 */
export function storeCrossSigningKeys(
  tx: Writer,
  changes: KeyChanges,
  userId: string,
  uploaded: readonly UploadedKey[],
  confirmed: boolean,
): 'stored' | 'unconfirmed' | Refusal {
  const existing = crossSigningKeysOf(tx, userId)
  const news = uploaded.filter((key) => !isSameKey(existing.get(key.usage), key))
  const master = uploaded.find((key) => key.usage === 'master') ?? existing.get('master')
  if (!master) return refuse(400, 'M_MISSING_PARAM', 'master_key: there is none, neither here nor uploaded before')
  if (news.length === 0) return 'stored'
  const refused = signatureProblem(userId, uploaded, master) ?? collisionProblem(tx, userId, uploaded)
  if (refused) return { refused }
  if (existing.has('master') && !confirmed) return 'unconfirmed'
  for (const key of news) setCrossSigningKey(tx, userId, key)
  if (news.some((key) => key.usage === 'master')) removeOrphans(tx, userId, uploaded)
  changes.crossSigning(tx, userId)
  return 'stored'
}

/** A cross-signing key of a user, well-formed, its signatures not checked. */
export function readCrossSigningKey(
  userId: string,
  usage: Usage,
  value: NonNullable<DeviceSigningBody['master_key']>,
): UploadedKey | Refusal {
  const field = `${usage}_key`
  if (value.user_id !== userId) return refuse(400, 'M_INVALID_PARAM', `${field}.user_id: must be your user id`)
  if (!value.usage.includes(usage)) return refuse(400, 'M_INVALID_PARAM', `${field}.usage: must name ${usage}`)
  const [[name, publicKey] = ['', ''], ...more] = Object.entries(value.keys)
  if (more.length > 0 || publicKey === '' || name !== `ed25519:${publicKey}`)
    return refuse(400, 'M_INVALID_PARAM', `${field}.keys: must be one key, named ed25519: and the key itself`)
  const vetted = importVerifyKey(publicKey)
  if ('problem' in vetted) return refuse(400, 'M_INVALID_PARAM', `${field}.keys: ${vetted.problem}`)
  if (vetted.publicKey !== publicKey) return refuse(400, 'M_INVALID_PARAM', `${field}.keys: must be unpadded base64`)
  const canonical = toCanonical({ ...value, unsigned: undefined }, field)
  if ('problem' in canonical) return refuse(400, 'M_BAD_JSON', canonical.problem)
  if (Buffer.byteLength(canonical.text) > maxKeyBytes)
    return refuse(413, 'M_TOO_LARGE', `${field}: more than ${maxKeyBytes} bytes`)
  return { usage, publicKey, json: canonical.text, object: readSigned(canonical.text) }
}

function isSameKey(existing: CrossSigningKey | undefined, key: UploadedKey): boolean {
  return existing !== undefined && bareText(readSigned(existing.json)) === bareText(key.object)
}

/** Self-signing and user-signing keys must be signed by the master key. */
function signatureProblem(userId: string, uploaded: readonly UploadedKey[], master: CrossSigningKey): MatrixError | undefined {
  const unsigned = uploaded.find(({ usage, object }) => {
    const signature = signaturesBy(object, userId)[`ed25519:${master.publicKey}`]
    return usage !== 'master' && !(signature !== undefined && isSignedBy(object, signature, master.publicKey))
  })
  if (!unsigned) return undefined
  const message = `${unsigned.usage}_key: not signed by the master key`
  return new MatrixError(400, 'M_INVALID_SIGNATURE', message)
}

/** Device ids and public keys name keys in one space, so that one must never mean the other. */
function collisionProblem(reader: Reader, userId: string, uploaded: readonly UploadedKey[]): MatrixError | undefined {
  const devices = new Set<string>(devicesOf(reader, userId).map((device) => device.deviceId))
  const colliding = uploaded.find((key) => devices.has(key.publicKey))
  return colliding && new MatrixError(403, 'M_FORBIDDEN', `${colliding.usage}_key: the id of one of your devices`)
}

/** Keys that the old master key signed mean nothing under a new one. */
function removeOrphans(tx: Writer, userId: string, uploaded: readonly UploadedKey[]): void {
  for (const usage of ['self_signing', 'user_signing'] as const)
    if (!uploaded.some((key) => key.usage === usage)) removeCrossSigningKey(tx, userId, usage)
}

function refuse(status: number, code: ErrorCode, message: string): Refusal {
  return { refused: new MatrixError(status, code, message) }
}
