import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'

/**
 * States of rooms as persistent maps from a state key's number to the position of the event that holds it. A map is a tree of nodes that are
 * never changed; a change writes the nodes on one path and shares all others, so it costs O(log n), and two maps compare by walking
 * only where they differ. The tree is canonical: its shape follows from its entries alone.
 */
export type Root = number

export const emptyState: Root = 0

/** A leaf with more entries becomes a branch; sixteen children each. */
const maxLeaf = 16
/** Decoded nodes kept in memory, about 200 bytes each. */
const maxCached = 5000

type Entry = readonly [key: number, position: Position]
interface Leaf {
  readonly entries: readonly Entry[]
}
interface Branch {
  /** Node ids by four bits of the key's hash; 0: none. */
  readonly children: readonly number[]
}
type Node = Leaf | Branch

const cache = new WeakMap<object, Map<number, Node>>()
const selectNode = statement<[number], Buffer>('SELECT node FROM state_nodes WHERE id = ?', 'pluck')
const insertNode = statement<[Buffer], never>('INSERT INTO state_nodes (node) VALUES (?)')

/** The entry of one key. */
export function stateEntry(reader: Reader, root: Root, key: number): Position | undefined {
  let id = root
  const hash = hashOf(key)
  for (let shift = 28; id !== emptyState; shift -= 4) {
    const node = load(reader, id)
    if ('entries' in node) return node.entries.find((entry) => entry[0] === key)?.[1]
    id = node.children[(hash >>> shift) & 15] ?? 0
  }
  return undefined
}

/** All positions of a state, in no particular order. */
export function* statePositions(reader: Reader, root: Root): Generator<Position> {
  if (root === emptyState) return
  const node = load(reader, root)
  if ('entries' in node) for (const entry of node.entries) yield entry[1]
  else for (const child of node.children) yield* statePositions(reader, child)
}

/** Positions that `to` holds and `from` does not. */
export function* stateChanges(reader: Reader, from: Root, to: Root): Generator<Position> {
  if (from === to || to === emptyState) return
  const before = from === emptyState ? undefined : load(reader, from)
  const after = load(reader, to)
  if (before && 'children' in before && 'children' in after) {
    for (const [index, child] of after.children.entries()) yield* stateChanges(reader, before.children[index] ?? 0, child)
    return
  }
  const known = new Set(before ? statePositions(reader, from) : [])
  for (const position of statePositions(reader, to)) if (!known.has(position)) yield position
}

/** The keys whose entries differ between two states. */
export function* differingKeys(reader: Reader, one: Root, other: Root): Generator<number> {
  if (one === other) return
  const [a, b] = [one, other].map((id) => (id === emptyState ? undefined : load(reader, id)))
  if (a && b && 'children' in a && 'children' in b) {
    for (const [index, child] of a.children.entries()) yield* differingKeys(reader, child, b.children[index] ?? 0)
    return
  }
  const entries = new Map(stateEntries(reader, one))
  for (const [key, position] of stateEntries(reader, other)) {
    if (entries.get(key) !== position) yield key
    entries.delete(key)
  }
  for (const key of entries.keys()) yield key
}

function* stateEntries(reader: Reader, root: Root): Generator<Entry> {
  if (root === emptyState) return
  const node = load(reader, root)
  if ('entries' in node) yield* node.entries
  else for (const child of node.children) yield* stateEntries(reader, child)
}

/** A state of many entries at once; far cheaper than one after the other. */
export function stateOf(tx: Writer, entries: Iterable<readonly [key: number, position: Position]>): Root {
  return build(
    tx,
    [...new Map(entries)].sort((a, b) => a[0] - b[0]),
    28,
  )
}

/** A state with one entry set; the same root if it is set already. */
export function withEntry(tx: Writer, root: Root, key: number, position: Position): Root {
  return insert(tx, root, [key, position], 28)
}

function insert(tx: Writer, id: number, entry: Entry, shift: number): number {
  if (id === emptyState) return save(tx, { entries: [entry] })
  const node = load(tx, id)
  if ('entries' in node) {
    if (node.entries.some(([key, position]) => key === entry[0] && position === entry[1])) return id
    const others = node.entries.filter(([key]) => key !== entry[0])
    return build(
      tx,
      [...others, entry].sort((a, b) => a[0] - b[0]),
      shift,
    )
  }
  const slot = (hashOf(entry[0]) >>> shift) & 15
  const before = node.children[slot] ?? emptyState
  const after = insert(tx, before, entry, shift - 4)
  return after === before ? id : save(tx, { children: node.children.with(slot, after) })
}

/** A state without the entry of one key. */
export function withoutEntry(tx: Writer, root: Root, key: number): Root {
  return remove(tx, root, key, 28)
}

function remove(tx: Writer, id: number, key: number, shift: number): number {
  if (id === emptyState) return id
  const node = load(tx, id)
  if ('entries' in node) {
    const entries = node.entries.filter((entry) => entry[0] !== key)
    return entries.length === node.entries.length ? id : build(tx, entries, shift)
  }
  const slot = (hashOf(key) >>> shift) & 15
  const before = node.children[slot] ?? emptyState
  const after = remove(tx, before, key, shift - 4)
  if (after === before) return id
  const children = node.children.with(slot, after)
  // What fits into a leaf is one, whatever was there before.
  const few = fewEntries(tx, children)
  return few ? build(tx, few, shift) : save(tx, { children })
}

/** The entries below some nodes, unless there are more than one leaf takes. */
function fewEntries(tx: Writer, ids: readonly number[]): Entry[] | undefined {
  const found: Entry[] = []
  for (const id of ids) {
    if (id === emptyState) continue
    const node = load(tx, id)
    // A branch has more entries than a leaf can take.
    if ('children' in node) return undefined
    found.push(...node.entries)
    if (found.length > maxLeaf) return undefined
  }
  return found.sort((a, b) => a[0] - b[0])
}

function build(tx: Writer, entries: readonly Entry[], shift: number): number {
  if (entries.length === 0) return emptyState
  if (entries.length <= maxLeaf) return save(tx, { entries })
  const slots: Entry[][] = Array.from({ length: 16 }, () => [])
  for (const entry of entries) slots[(hashOf(entry[0]) >>> shift) & 15]?.push(entry)
  return save(tx, { children: slots.map((slot) => build(tx, slot, shift - 4)) })
}

/** Spreads consecutive numbers; a bijection on 32 bits, so different keys part at last. */
function hashOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> 0
}

function load(reader: Reader, id: number): Node {
  const nodes = cacheOf(reader)
  const known = nodes.get(id)
  if (known) return known
  const bytes = selectNode(reader).get(id)
  if (!bytes) throw new Error(`no state node ${id}`)
  const node = decode(bytes)
  remember(nodes, id, node)
  return node
}

function save(tx: Writer, node: Node): number {
  const id = Number(insertNode(tx).run(encode(node)).lastInsertRowid)
  const nodes = cacheOf(tx)
  remember(nodes, id, node)
  // The number will be given again if this write is undone.
  tx.whenUndone(() => nodes.delete(id))
  return id
}

function cacheOf(reader: Reader): Map<number, Node> {
  let nodes = cache.get(reader.raw)
  if (!nodes) {
    nodes = new Map()
    cache.set(reader.raw, nodes)
  }
  return nodes
}

function remember(nodes: Map<number, Node>, id: number, node: Node): void {
  if (nodes.size >= maxCached) {
    // The oldest tenth at once: nodes are cheap to read again.
    let count = maxCached / 10
    for (const old of nodes.keys()) {
      nodes.delete(old)
      if (--count === 0) break
    }
  }
  nodes.set(id, node)
}

function encode(node: Node): Buffer {
  const bytes: number[] = []
  if ('entries' in node) {
    bytes.push(0)
    for (const [key, position] of node.entries) {
      pushNumber(bytes, key)
      pushNumber(bytes, position)
    }
  } else {
    bytes.push(1)
    for (const child of node.children) pushNumber(bytes, child)
  }
  return Buffer.from(bytes)
}

function decode(bytes: Buffer): Node {
  const numbers: number[] = []
  for (let index = 1; index < bytes.length; ) {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = bytes[index++] ?? 0
      value += (byte & 127) * factor
      if (byte < 128) break
      factor *= 128
    }
    numbers.push(value)
  }
  if (bytes[0] === 1) return { children: numbers }
  const entries: Entry[] = []
  for (let index = 0; index + 1 < numbers.length; index += 2) entries.push([numbers[index] ?? 0, numbers[index + 1] ?? 0])
  return { entries }
}

/** Seven bits a byte, lowest first. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}

/** Marks a state's nodes by their ids; what `seen` already has is not walked again. */
export function markState(reader: Reader, root: Root, seen: { has(id: number): boolean; add(id: number): void }): void {
  if (root === emptyState || seen.has(root)) return
  seen.add(root)
  const node = load(reader, root)
  if ('children' in node) for (const child of node.children) markState(reader, child, seen)
}

const deleteNode = statement<[number], never>('DELETE FROM state_nodes WHERE id = ?')

/** Deletes nodes that no state needs. */
export function deleteNodes(tx: Writer, ids: readonly number[]): void {
  for (const id of ids) deleteNode(tx).run(id)
  const forget = (nodes: Map<number, Node>) => {
    for (const id of ids) nodes.delete(id)
  }
  forget(cacheOf(tx))
  tx.whenVisible(() => forget(cacheOf(tx.snapshot)))
}
