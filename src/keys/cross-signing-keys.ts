import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'

export type Usage = 'master' | 'self_signing' | 'user_signing'

/** A cross-signing key of a user. */
export interface CrossSigningKey {
  readonly usage: Usage
  /** Unpadded base64. */
  readonly publicKey: string
  /** Canonical JSON, with the signatures that everybody may see. */
  readonly json: string
}

const all = statement<[string], CrossSigningKey>(
  'SELECT usage, public_key AS publicKey, json FROM cross_signing_keys WHERE user_id = ?',
)
const put = statement<[string, Usage, string, string], never>(
  `INSERT INTO cross_signing_keys (user_id, usage, public_key, json) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET public_key = excluded.public_key, json = excluded.json`,
)
const named = statement<[string, string], number>(
  'SELECT 1 FROM cross_signing_keys WHERE user_id = ? AND public_key = ?',
  'pluck',
)
const remove = statement<[string, Usage], never>('DELETE FROM cross_signing_keys WHERE user_id = ? AND usage = ?')

const seen = statement<[string, string, string], { signerKey: string; signature: string }>(
  'SELECT signer_key AS signerKey, signature FROM user_signatures WHERE signer = ? AND target = ? AND target_key = ?',
)
const putSignature = statement<[string, string, string, string, string, Position], never>(
  `INSERT INTO user_signatures (signer, target, target_key, signer_key, signature, position) VALUES (?, ?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET signature = excluded.signature, position = excluded.position`,
)
const newlySigned = statement<[string, Position], string>(
  'SELECT DISTINCT target FROM user_signatures WHERE signer = ? AND position > ?',
  'pluck',
)

/** The cross-signing keys that a user has uploaded. */
export function crossSigningKeysOf(reader: Reader, userId: string): ReadonlyMap<Usage, CrossSigningKey> {
  return new Map(
    all(reader)
      .all(userId)
      .map((key) => [key.usage, key]),
  )
}

/** Whether a device id is one of the user's cross-signing public keys: both name keys in one space. */
export function isCrossSigningKey(reader: Reader, userId: string, deviceId: string): boolean {
  return named(reader).get(userId, deviceId) !== undefined
}

export function setCrossSigningKey(tx: Writer, userId: string, { usage, publicKey, json }: CrossSigningKey): void {
  put(tx).run(userId, usage, publicKey, json)
}

export function removeCrossSigningKey(tx: Writer, userId: string, usage: Usage): void {
  remove(tx).run(userId, usage)
}

/** Signatures by `signer` over the master key of `target`; only the signer may see them ("Key and signature security"). */
export function userSignaturesOf(
  reader: Reader,
  signer: string,
  target: string,
  targetKey: string,
): Readonly<Record<string, string>> {
  const rows = seen(reader).all(signer, target, targetKey)
  return Object.fromEntries(rows.map(({ signerKey, signature }) => [signerKey, signature]))
}

/** Stores a signature by a user-signing key, and wakes the signer: the other devices learn of it. */
export function setUserSignature(
  tx: Writer,
  signer: string,
  signerKey: string,
  target: string,
  targetKey: string,
  signature: string,
): void {
  putSignature(tx).run(signer, target, targetKey, signerKey, signature, tx.nextPosition())
  tx.wake(`user/${signer}`)
}

/** Users whose master key `signer` has signed after `from`. */
export function usersSignedSince(reader: Reader, signer: string, from: Position): readonly string[] {
  return newlySigned(reader).all(signer, from)
}
