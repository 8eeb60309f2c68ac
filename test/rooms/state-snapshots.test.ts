import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { collectUnusedStates } from '../../src/rooms/state-collection.ts'
import {
  deleteNodes,
  differingKeys,
  emptyState,
  type Root,
  stateChanges,
  stateEntry,
  stateOf,
  statePositions,
  withEntry,
  withoutEntry,
} from '../../src/rooms/state-snapshots.ts'
import type { Reader, Writer } from '../../src/storage/handles.ts'
import { openStorage, type Storage } from '../../src/storage/storage.ts'
import { handMovedClock } from '../support/clock.ts'

/** What a state is meant to be. */
type Model = ReadonlyMap<number, number>
type Change = readonly [key: number, position: number]

function openEmpty(): Storage {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-snapshots-'))
  const storage = openStorage({
    directory,
    migrations: join(import.meta.dirname, '..', '..', 'drizzle'),
    timers: handMovedClock(),
    onFatal: (problem) => {
      throw problem
    },
    sync: async () => undefined,
    checkpoints: false,
  })
  onTestFinished(async () => {
    await storage.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return storage
}

/** A position belongs to one key, as an event has one type and state key. */
const change = (maxKey: number): fc.Arbitrary<Change> =>
  fc.tuple(fc.integer({ min: 1, max: maxKey }), fc.integer({ min: 0, max: 5 })).map(([key, age]) => [key, key * 8 + age])
/** 0x0e8b2f51 undoes the multiplication that spreads keys: these fall into one slot down to the last bits. */
const crowded = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 0, max: 5 })).map(([hash, age]): Change => {
  const key = Math.imul(hash, 0x0e8b2f51) >>> 0
  return [key, key * 8 + age]
})
/** Dense rooms, rooms whose keys lie far apart, and the worst keys there are. */
const changes = fc.oneof(
  fc.array(change(40), { maxLength: 60, size: 'max' }),
  fc.array(change(400), { maxLength: 400, size: 'max' }),
  fc.array(change(2 ** 32 - 1), { maxLength: 200, size: 'max' }),
  fc.array(crowded, { maxLength: 100, size: 'max' }),
)

function build(tx: Writer, list: Iterable<Change>, root: Root = emptyState): Root {
  let built = root
  for (const [key, position] of list) built = withEntry(tx, built, key, position)
  return built
}

const sorted = (positions: Iterable<number>) => [...positions].sort((a, b) => a - b)
const difference = (from: Model, to: Model) => sorted(new Set(to.values()).difference(new Set(from.values())))
/** Nodes are numbered one by one. */
const lastNode = (reader: Reader) => (reader.raw.prepare('SELECT max(id) FROM state_nodes').pluck().get() as number | null) ?? 0
const nodeIds = (reader: Reader) => reader.raw.prepare('SELECT id FROM state_nodes ORDER BY id').pluck().all() as number[]
const nodeBytes = (reader: Reader, id: number) =>
  reader.raw.prepare('SELECT node FROM state_nodes WHERE id = ?').pluck().get(id) as Buffer

/** Numbers of a stored node: seven bits a byte, lowest first. */
function numbersIn(bytes: Buffer): { branch: boolean; numbers: number[] } {
  const numbers: number[] = []
  let value = 0
  let factor = 1
  for (const byte of bytes.subarray(1)) {
    value += (byte & 127) * factor
    factor *= 128
    if (byte >= 128) continue
    numbers.push(value)
    value = 0
    factor = 1
  }
  return { branch: bytes[0] === 1, numbers }
}

/** A tree as it is stored, children in place of their ids. */
function shapeOf(reader: Reader, root: Root): unknown {
  if (root === emptyState) return null
  const { branch, numbers } = numbersIn(nodeBytes(reader, root))
  return branch ? numbers.map((child) => shapeOf(reader, child)) : numbers.join(' ')
}

function idsUnder(reader: Reader, root: Root, found = new Set<number>()): Set<number> {
  if (root === emptyState || found.has(root)) return found
  found.add(root)
  const { branch, numbers } = numbersIn(nodeBytes(reader, root))
  if (branch) for (const child of numbers) idsUnder(reader, child, found)
  return found
}

test('a state is the map of what was set last, and earlier states stay as they were', async () => {
  const storage = openEmpty()
  await fc.assert(
    fc.asyncProperty(
      changes,
      fc.array(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { maxLength: 20, size: 'max' }),
      async (list, others) => {
        const states: { root: Root; model: Model }[] = [{ root: emptyState, model: new Map() }]
        await storage.write((tx) => {
          let root = emptyState
          const model = new Map<number, number>()
          for (const [index, [key, position]] of list.entries()) {
            root = withEntry(tx, root, key, position)
            model.set(key, position)
            if (index % 50 === 0 || index === list.length - 1) states.push({ root, model: new Map(model) })
          }
        })
        // The reader has a memory of its own, so what it says comes from what is stored.
        for (const { root, model } of states) {
          expect(sorted(statePositions(storage.reader, root))).toEqual(sorted(model.values()))
          for (const key of [...model.keys(), ...others]) expect(stateEntry(storage.reader, root, key)).toBe(model.get(key))
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('the changes between two states are what one holds and the other does not', async () => {
  const storage = openEmpty()
  await fc.assert(
    fc.asyncProperty(changes, changes, changes, async (common, left, right) => {
      const [from, to] = await storage.write((tx) => {
        const root = build(tx, common)
        return [build(tx, left, root), build(tx, right, root)]
      })
      const before = new Map([...common, ...left])
      const after = new Map([...common, ...right])
      expect(sorted(stateChanges(storage.reader, from, to))).toEqual(difference(before, after))
      expect(sorted(stateChanges(storage.reader, to, from))).toEqual(difference(after, before))
      expect([...stateChanges(storage.reader, from, from)]).toEqual([])
      expect(sorted(stateChanges(storage.reader, emptyState, to))).toEqual(sorted(after.values()))
      expect([...stateChanges(storage.reader, to, emptyState)]).toEqual([])
    }),
    { numRuns: 60 },
  )
})

test('the same entries make the same tree, in whatever order and over whatever earlier values', async () => {
  const storage = openEmpty()
  const shuffled = changes.chain((list) => {
    const entries = [...new Map(list)]
    return fc.tuple(fc.constant(list), fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }))
  })
  await fc.assert(
    fc.asyncProperty(shuffled, async ([list, order]) => {
      const [one, other] = await storage.write((tx) => [build(tx, list), build(tx, order)])
      expect(shapeOf(storage.reader, other)).toEqual(shapeOf(storage.reader, one))
    }),
    { numRuns: 60 },
  )
})

test('setting what is set already writes nothing', async () => {
  const storage = openEmpty()
  await storage.write((tx) => {
    const root = build(
      tx,
      Array.from({ length: 100 }, (_, index) => [index + 1, index + 1]),
    )
    const nodes = lastNode(tx)
    expect(withEntry(tx, root, 50, 50)).toBe(root)
    expect(lastNode(tx)).toBe(nodes)
    expect(withEntry(tx, root, 50, 51)).not.toBe(root)
  })
})

test('a change writes a path and shares the rest', async () => {
  const storage = openEmpty()
  const size = 10_000
  const root = await storage.write((tx) =>
    build(
      tx,
      Array.from({ length: size }, (_, index) => [index + 1, index + 1]),
    ),
  )
  // Four bits of the hash a level; leaves of at most 16.
  const levels = Math.ceil(Math.log2(size) / 4) + 1
  const made: number[] = []
  let changed = root
  await storage.write((tx) => {
    for (let key = 1; key <= size; key += 97) {
      const before = lastNode(tx)
      changed = withEntry(tx, root, key, size + key)
      made.push(lastNode(tx) - before)
    }
    expect(idsUnder(tx, changed).difference(idsUnder(tx, root)).size).toBe(made.at(-1))
  })
  expect(made.length).toBeGreaterThan(100)
  expect(Math.max(...made)).toBeLessThanOrEqual(levels)
})

test('the costs of a change grow with the logarithm of the state, and its bytes stay small', async () => {
  const storage = openEmpty()
  const bytesOfChange: number[] = []
  for (const size of [100, 1_000, 10_000]) {
    await storage.write((tx) => {
      const root = build(
        tx,
        Array.from({ length: size }, (_, index) => [index + 1, 1_000_000 + index]),
      )
      const last = lastNode(tx)
      withEntry(tx, root, size >> 1, 2_000_000)
      const sum = tx.raw.prepare('SELECT sum(length(node)) FROM state_nodes WHERE id > ?').pluck()
      bytesOfChange.push(sum.get(last) as number)
    })
  }
  const [small = 0, medium = 0, large = 0] = bytesOfChange
  // A hundred times the entries: two levels more, each of 16 ids of at most four bytes.
  expect(medium).toBeLessThan(small + 64 * 2)
  expect(large).toBeLessThan(small + 64 * 3)
  expect(large).toBeLessThan(500)
})

test('comparing two large states walks only where they differ', async () => {
  const storage = openEmpty()
  const size = 10_000
  const [from, to] = await storage.write((tx) => {
    const root = build(
      tx,
      Array.from({ length: size }, (_, index) => [index + 1, index + 1]),
    )
    return [root, withEntry(tx, root, 4321, 20_000)]
  })
  // Nodes that both share cannot be read any more, so the walk must not ask for them.
  await storage.write((tx) => {
    const shared = idsUnder(tx, from).intersection(idsUnder(tx, to))
    for (const id of shared) tx.raw.prepare('DELETE FROM state_nodes WHERE id = ?').run(id)
  })
  expect([...stateChanges(storage.reader, from, to)]).toEqual([20_000])
  expect([...stateChanges(storage.reader, to, from)]).toEqual([4321])
  expect(() => [...statePositions(storage.reader, to)]).toThrow('no state node')
})

test('taking away, comparing and building at once agree with setting one after the other', async () => {
  const storage = openEmpty()
  await fc.assert(
    fc.asyncProperty(changes, fc.array(fc.nat(), { maxLength: 60 }), async (list, picks) => {
      await storage.write((tx) => {
        const model = new Map(list)
        const whole = build(tx, list)
        expect(shapeOf(tx, stateOf(tx, model))).toEqual(shapeOf(tx, whole))
        const left = new Map(model)
        let root = whole
        for (const pick of picks) {
          const key = [...model.keys()][pick % Math.max(1, model.size)] ?? 1
          left.delete(key)
          root = withoutEntry(tx, root, key)
        }
        expect(shapeOf(tx, root)).toEqual(shapeOf(tx, build(tx, left)))
        const gone = [...model.keys()].filter((key) => !left.has(key))
        expect(sorted(differingKeys(tx, whole, root))).toEqual(sorted(gone))
        expect(sorted(differingKeys(tx, root, whole))).toEqual(sorted(gone))
      })
    }),
  )
})

/** A room, or an event of one, that needs a state. */
function hold(tx: Writer, root: Root, kind: 'room' | 'event'): void {
  if (kind === 'room') {
    tx.raw.prepare('INSERT INTO room_states (room_nid, position, state_root) VALUES (?, ?, ?)').run(1, tx.nextPosition(), root)
    return
  }
  const position = tx.nextPosition()
  tx.raw
    .prepare(
      `INSERT INTO events (position, room_nid, event_id, type, sender, depth, origin_server_ts, state_root, status, json, content_start, content_length)
       VALUES (?, 1, ?, 'm.test', '@alice:a.test', 1, 0, ?, 0, '{}', 0, 2)`,
    )
    .run(position, `$${position}`, root)
}

test('collecting removes exactly the nodes that no room and no event needs', async () => {
  const storage = openEmpty()
  const plan = fc.tuple(
    changes,
    fc.array(fc.tuple(change(400), fc.constantFrom('room', 'event', 'nobody')), { maxLength: 12, size: 'max' }),
  )
  await fc.assert(
    fc.asyncProperty(plan, async ([list, steps]) => {
      const kept: { root: Root; model: Model }[] = []
      const dropped: Root[] = []
      await storage.write((tx) => {
        tx.raw.exec('DELETE FROM room_states; DELETE FROM events; DELETE FROM state_nodes')
        const model = new Map(list)
        let root = build(tx, list)
        dropped.push(root)
        for (const [[key, position], holder] of steps) {
          root = withEntry(tx, root, key, position)
          model.set(key, position)
          if (holder === 'nobody') dropped.push(root)
          else {
            hold(tx, root, holder as 'room' | 'event')
            kept.push({ root, model: new Map(model) })
          }
        }
      })
      const needed = new Set(kept.flatMap(({ root }) => [...idsUnder(storage.reader, root)]))
      const before = nodeIds(storage.reader)
      // So that both memories hold what is about to go.
      for (const root of dropped) expect([...statePositions(storage.reader, root)]).toBeDefined()
      const deleted = await collectUnusedStates(storage)
      expect(nodeIds(storage.reader)).toEqual(before.filter((id) => needed.has(id)))
      expect(deleted).toBe(before.length - needed.size)
      for (const { root, model } of kept) expect(sorted(statePositions(storage.reader, root))).toEqual(sorted(model.values()))
      for (const root of dropped) {
        if (root === emptyState || needed.has(root)) continue
        expect(() => [...statePositions(storage.reader, root)]).toThrow('no state node')
        await expect(storage.write((tx) => [...statePositions(tx, root)])).rejects.toThrow('no state node')
      }
      expect(await collectUnusedStates(storage)).toBe(0)
    }),
    { numRuns: 40 },
  )
})

test('a collection that is undone leaves all states as they were', async () => {
  const storage = openEmpty()
  const root = await storage.write((tx) =>
    build(tx, [
      [1, 10],
      [2, 20],
    ]),
  )
  const undone = storage.write((tx) => {
    deleteNodes(tx, nodeIds(tx))
    expect(nodeIds(tx)).toEqual([])
    throw new Error('changed my mind')
  })
  await expect(undone).rejects.toThrow('changed my mind')
  expect(sorted(statePositions(storage.reader, root))).toEqual([10, 20])
  expect(await storage.write((tx) => sorted(statePositions(tx, root)))).toEqual([10, 20])
})

test('a node of an undone write is forgotten when its number is given again', async () => {
  const storage = openEmpty()
  await fc.assert(
    fc.asyncProperty(changes, changes, async (wrong, right) => {
      let undoneIds: number[] = []
      let undoneRoot = emptyState
      const undone = storage.write((tx) => {
        const last = lastNode(tx)
        undoneRoot = build(tx, wrong)
        undoneIds = nodeIds(tx).filter((id) => id > last)
        throw new Error('changed my mind')
      })
      await expect(undone).rejects.toThrow('changed my mind')
      if (undoneRoot !== emptyState) {
        await expect(storage.write((tx) => stateEntry(tx, undoneRoot, 1))).rejects.toThrow('no state node')
      }
      const before = nodeIds(storage.reader)
      const [root, seen] = await storage.write((tx) => {
        const made = build(tx, right)
        return [made, sorted(statePositions(tx, made))] as const
      })
      const again = nodeIds(storage.reader).filter((id) => !before.includes(id))
      // Otherwise this would not look at numbers given twice.
      if (undoneIds.length > 0 && again.length > 0) expect(again[0]).toBe(undoneIds[0])
      const positions = sorted(new Map(right).values())
      expect(seen).toEqual(positions)
      expect(sorted(statePositions(storage.reader, root))).toEqual(positions)
      for (const [key, position] of new Map(right)) expect(stateEntry(storage.reader, root, key)).toBe(position)
    }),
    { numRuns: 40 },
  )
})
