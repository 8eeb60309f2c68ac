import { type Reader, statement } from '../storage/handles.ts'

export const maxRecipients = 5_000
/** Bytes; client-server API, "Size limits", since other servers receive it as the content of an event. */
export const maxContentBytes = 65_536
/** Messages that wait for a device that does not fetch them. Other servers cannot fill the disk with more. */
const maxWaiting = 20_000

const beyond = statement<[string, string, number], number>(
  'SELECT 1 FROM device_backlog WHERE user_id = ? AND device_id = ? LIMIT 1 OFFSET ?',
  'pluck',
)

export function isCrowded(reader: Reader, userId: string, deviceId: string): boolean {
  return beyond(reader).get(userId, deviceId, maxWaiting - 1) !== undefined
}
