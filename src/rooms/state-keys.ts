import { type Reader, statement, type Writer } from '../storage/handles.ts'

const find = statement<[string, string], number>('SELECT id FROM state_keys WHERE type = ? AND state_key = ?', 'pluck')
const insert = statement<[string, string], never>('INSERT INTO state_keys (type, state_key) VALUES (?, ?)')

/** The number that snapshots use for a type and state key; undefined: no room has had such state. */
export function stateKeyNumber(reader: Reader, type: string, stateKey: string): number | undefined {
  return find(reader).get(type, stateKey)
}

export function makeStateKeyNumber(tx: Writer, type: string, stateKey: string): number {
  return find(tx).get(type, stateKey) ?? Number(insert(tx).run(type, stateKey).lastInsertRowid)
}

const pair = statement<[number], { type: string; stateKey: string }>(
  'SELECT type, state_key AS stateKey FROM state_keys WHERE id = ?',
)

/** The type and state key that a number stands for. */
export function pairOf(reader: Reader, key: number): { readonly type: string; readonly stateKey: string } {
  const found = pair(reader).get(key)
  if (!found) throw new Error(`no state key ${key}`)
  return found
}
