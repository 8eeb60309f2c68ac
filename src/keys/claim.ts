import type { Writer } from '../storage/handles.ts'
import { useFallbackKey } from './fallback-keys.ts'
import { type NamedKey, takeOneTimeKey } from './one-time-keys.ts'

/**
 * Takes one key for each device that is asked for: the oldest one-time key, otherwise the fallback key. JSON of the
 * members of `one_time_keys`; devices without a key are left out. Within a write: a key that was answered is gone from the disk.
 * Source: client-server API, `/keys/claim`.
 */
export function claimKeys(tx: Writer, wishes: readonly (readonly [string, Readonly<Record<string, string>>])[]): string {
  const users: string[] = []
  for (const [userId, devices] of wishes) {
    const claimed: string[] = []
    for (const [deviceId, algorithm] of Object.entries(devices)) {
      const key = takeOneTimeKey(tx, userId, deviceId, algorithm) ?? useFallbackKey(tx, userId, deviceId, algorithm)
      if (key) claimed.push(`${JSON.stringify(deviceId)}:${namedJson(key)}`)
    }
    if (claimed.length > 0) users.push(`${JSON.stringify(userId)}:{${claimed.join(',')}}`)
  }
  return users.join(',')
}

function namedJson({ algorithm, keyId, json }: NamedKey): string {
  return `{${JSON.stringify(`${algorithm}:${keyId}`)}:${json}}`
}
