import type { Position } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { acknowledge, hasAcknowledged } from './store.ts'

/**
 * What a sync begins with: the device has received everything up to `since`. Resolves when what waited behind it can be collected;
 * at once, and without a write, where nothing was acknowledged.
 */
export async function acknowledgeSync(storage: Storage, userId: string, deviceId: string, since: Position): Promise<void> {
  if (!hasAcknowledged(storage.reader, userId, deviceId, since)) return
  await storage.write((tx) => acknowledge(tx, userId, deviceId, since))
}
