import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'

/** Messages in one answer of sync; source: client-server API, "Send-to-Device messaging", server behaviour. */
const inboxSize = 100

export interface ToDeviceMessage {
  readonly sender: string
  readonly type: string
  /** JSON object. */
  readonly content: string
}

interface Stored extends ToDeviceMessage {
  readonly position: Position
}

const inboxCount = statement<[string, string], number>(
  'SELECT count(*) FROM device_inbox WHERE user_id = ? AND device_id = ?',
  'pluck',
)
const backlogExists = statement<[string, string], number>(
  'SELECT 1 FROM device_backlog WHERE user_id = ? AND device_id = ? LIMIT 1',
  'pluck',
)
const columns = '(user_id, device_id, position, sender, type, content) VALUES (?, ?, ?, ?, ?, ?)'
const toInbox = statement<[string, string, Position, string, string, string], never>(`INSERT INTO device_inbox ${columns}`)
const toBacklog = statement<[string, string, Position, string, string, string], never>(`INSERT INTO device_backlog ${columns}`)
const between = statement<[string, string, Position, Position], ToDeviceMessage>(
  `SELECT sender, type, content FROM device_inbox
   WHERE user_id = ? AND device_id = ? AND position > ? AND position <= ? ORDER BY position`,
)
const acknowledged = statement<[string, string, Position], number>(
  'SELECT 1 FROM device_inbox WHERE user_id = ? AND device_id = ? AND position <= ? LIMIT 1',
  'pluck',
)
const removeAcknowledged = statement<[string, string, Position], never>(
  'DELETE FROM device_inbox WHERE user_id = ? AND device_id = ? AND position <= ?',
)
const oldestOfBacklog = statement<[string, string, number], Stored>(
  `SELECT position, sender, type, content FROM device_backlog WHERE user_id = ? AND device_id = ? ORDER BY position LIMIT ?`,
)
const removeFromBacklog = statement<[string, string, Position], never>(
  'DELETE FROM device_backlog WHERE user_id = ? AND device_id = ? AND position <= ?',
)
const clearInbox = statement<[string, string], never>('DELETE FROM device_inbox WHERE user_id = ? AND device_id = ?')
const clearBacklog = statement<[string, string], never>('DELETE FROM device_backlog WHERE user_id = ? AND device_id = ?')
const clearTransactions = statement<[string, string], never>(
  'DELETE FROM to_device_transactions WHERE user_id = ? AND device_id = ?',
)

/** Queues a message for a local device behind those that are waiting, and wakes its user. The device must exist. */
export function deliver(tx: Writer, userId: string, deviceId: string, { sender, type, content }: ToDeviceMessage): void {
  const full = backlogExists(tx).get(userId, deviceId) !== undefined || (inboxCount(tx).get(userId, deviceId) ?? 0) >= inboxSize
  const insert = full ? toBacklog : toInbox
  insert(tx).run(userId, deviceId, tx.nextPosition(), sender, type, content)
  if (!full) tx.wake(`user/${userId}`)
}

/** What came into a device's inbox after `from` and up to `to`, in order of arrival; at most `inboxSize`. */
export function waitingMessages(
  reader: Reader,
  userId: string,
  deviceId: string,
  from: Position,
  to: Position,
): readonly ToDeviceMessage[] {
  return between(reader).all(userId, deviceId, from, to)
}

/** Whether a sync from `since` acknowledges anything, so that `acknowledge` has something to do. */
export function hasAcknowledged(reader: Reader, userId: string, deviceId: string, since: Position): boolean {
  return acknowledged(reader).get(userId, deviceId, since) !== undefined
}

/**
 * The device has what was in its inbox up to `since`: deletes it, and fills the inbox up from the backlog. What moves gets new
 * positions, so that the device's token, one position, still says what it has.
 */
export function acknowledge(tx: Writer, userId: string, deviceId: string, since: Position): void {
  if (removeAcknowledged(tx).run(userId, deviceId, since).changes === 0) return
  const room = inboxSize - (inboxCount(tx).get(userId, deviceId) ?? 0)
  const moving = oldestOfBacklog(tx).all(userId, deviceId, room)
  for (const { sender, type, content } of moving) toInbox(tx).run(userId, deviceId, tx.nextPosition(), sender, type, content)
  const last = moving.at(-1)
  if (!last) return
  removeFromBacklog(tx).run(userId, deviceId, last.position)
  tx.wake(`user/${userId}`)
}

/** The device is gone: nothing more can be delivered to it. */
export function forgetDeviceMessages(tx: Writer, userId: string, deviceId: string): void {
  clearInbox(tx).run(userId, deviceId)
  clearBacklog(tx).run(userId, deviceId)
  clearTransactions(tx).run(userId, deviceId)
}
