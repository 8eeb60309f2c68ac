import { type Position, statement } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { deleteNodes, markState, type Root } from './state-snapshots.ts'

const newestNode = statement<[], number | null>('SELECT max(id) FROM state_nodes', 'pluck')
const rootsOfEvents = statement<[Position], { position: Position; root: Root }>(
  'SELECT position, state_root AS root FROM events WHERE position > ? ORDER BY position LIMIT 2000',
)
const rootsOfRooms = statement<[number, Position], { nid: number; position: Position; root: Root }>(
  `SELECT room_nid AS nid, position, state_root AS root FROM room_states WHERE (room_nid, position) > (?, ?)
   ORDER BY room_nid, position LIMIT 2000`,
)
const nodesAfter = statement<[number, number], number>(
  'SELECT id FROM state_nodes WHERE id > ? AND id <= ? ORDER BY id LIMIT 2000',
  'pluck',
)

/**
 * Deletes the nodes of state snapshots that no event and no room needs any more, a little at a time while others read and write.
 * Nodes made meanwhile are left alone; those made before that a new state shares belong to a marked one, since states grow from others.
 * Answers how many were deleted.
 */
export async function collectUnusedStates({ reader, write }: Pick<Storage, 'reader' | 'write'>): Promise<number> {
  const newest = newestNode(reader).get() ?? 0
  const used = createBitSet(newest)
  for (let last = { nid: 0, position: 0 }, rows = rootsOfRooms(reader).all(0, 0); rows.length > 0; ) {
    for (const { root } of rows) markState(reader, root, used)
    last = rows.at(-1) ?? last
    rows = rootsOfRooms(reader).all(last.nid, last.position)
    await othersFirst()
  }
  for (let at: Position = 0, rows = rootsOfEvents(reader).all(at); rows.length > 0; rows = rootsOfEvents(reader).all(at)) {
    for (const { root } of rows) markState(reader, root, used)
    at = rows.at(-1)?.position ?? at
    await othersFirst()
  }
  let deleted = 0
  for (let at = 0, ids = nodesAfter(reader).all(at, newest); ids.length > 0; ids = nodesAfter(reader).all(at, newest)) {
    const unused = ids.filter((id) => !used.has(id))
    if (unused.length > 0) await write((tx) => deleteNodes(tx, unused))
    deleted += unused.length
    at = ids.at(-1) ?? newest
    await othersFirst()
  }
  return deleted
}

/** Lets everything that waits be served. */
function othersFirst(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Which of the numbers up to `newest` were added, a bit each; those beyond count as added. */
function createBitSet(newest: number) {
  const bits = new Uint8Array((newest >> 3) + 1)
  return {
    has: (id: number) => id > newest || ((bits[id >> 3] ?? 0) & (1 << (id & 7))) !== 0,
    add(id: number) {
      bits[id >> 3] = (bits[id >> 3] ?? 0) | (1 << (id & 7))
    },
  }
}
