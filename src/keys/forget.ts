import type { Writer } from '../storage/handles.ts'
import { crossSigningKeysOf, removeCrossSigningKey } from './cross-signing-keys.ts'
import { findDeviceKeys, removeDeviceKeys } from './device-keys.ts'
import { removeFallbackKeys } from './fallback-keys.ts'
import type { KeyChanges } from './key-changes.ts'
import { removeOneTimeKeys } from './one-time-keys.ts'

/** A device was deleted: its keys go, and those who share a room learn of it. */
export function forgetDeviceKeys(tx: Writer, changes: KeyChanges, userId: string, deviceId: string): void {
  removeOneTimeKeys(tx, userId, deviceId)
  removeFallbackKeys(tx, userId, deviceId)
  if (removeDeviceKeys(tx, userId, deviceId)) changes.device(tx, userId, deviceId)
}

/** A device has another display name, which others see beside its keys. */
export function deviceRenamed(tx: Writer, changes: KeyChanges, userId: string, deviceId: string): void {
  if (findDeviceKeys(tx, userId, deviceId) !== undefined) changes.device(tx, userId, deviceId)
}

/** An account has ended: its cross-signing keys go; those of its devices go with the devices. */
export function forgetCrossSigningKeys(tx: Writer, changes: KeyChanges, userId: string): void {
  const keys = crossSigningKeysOf(tx, userId)
  for (const usage of keys.keys()) removeCrossSigningKey(tx, userId, usage)
  if (keys.size > 0) changes.crossSigning(tx, userId)
}
