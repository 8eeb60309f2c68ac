import { type Position, statement, type Writer } from '../storage/handles.ts'

const drop = statement<[], never>('DELETE FROM one_time_keys')
const allChanged = statement<[{ at: Position }], never>(
  `INSERT INTO device_list_changes (user_id, position, stream_id)
   SELECT user_id, :at, :at FROM (SELECT user_id FROM device_keys UNION SELECT user_id FROM remote_device_lists) WHERE true
   ON CONFLICT DO UPDATE SET position = excluded.position, stream_id = excluded.stream_id`,
)
const doubtLists = statement<[], never>('UPDATE remote_device_lists SET current = 0')

/**
 * The database is an earlier copy of itself. Keys that it still has may have been given away since, and two sessions from one
 * one-time key can be read by neither: clients upload new ones when they see that there are none, and fallback keys, which
 * serve more than once, help out until then. Devices may have come and gone, here and elsewhere: everybody asks for everybody's keys again.
 * @returns how many one-time keys were dropped
 */
export function keysRestored(tx: Writer): number {
  const { changes } = drop(tx).run()
  allChanged(tx).run({ at: tx.nextPosition() })
  doubtLists(tx).run()
  return changes
}
