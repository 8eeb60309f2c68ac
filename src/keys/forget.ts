import type { Writer } from '../storage/handles.ts'
import { findDeviceKeys, removeDeviceKeys } from './device-keys.ts'
import { deviceListChanged } from './device-lists.ts'
import { removeFallbackKeys } from './fallback-keys.ts'
import { removeOneTimeKeys } from './one-time-keys.ts'

/** A device was deleted: its keys go, and those who share a room learn of it. */
export function forgetDeviceKeys(tx: Writer, userId: string, deviceId: string): void {
  removeOneTimeKeys(tx, userId, deviceId)
  removeFallbackKeys(tx, userId, deviceId)
  if (removeDeviceKeys(tx, userId, deviceId)) deviceListChanged(tx, userId)
}

/** A device has another display name, which others see beside its keys. */
export function deviceRenamed(tx: Writer, userId: string, deviceId: string): void {
  if (findDeviceKeys(tx, userId, deviceId) !== undefined) deviceListChanged(tx, userId)
}
