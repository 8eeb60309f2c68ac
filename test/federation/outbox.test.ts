import { expect, test } from 'vitest'
import {
  countWaiting,
  dropRows,
  insertEdus,
  insertPdus,
  keepNewest,
  waitingDestinations,
  waitingEdus,
  waitingPdus,
} from '../../src/federation/outbox.ts'
import type { Reader } from '../../src/storage/handles.ts'
import { createWorld } from '../support/world.ts'
import { b, name, numbered } from './sender-kit.ts'

const c = name('c.test')
const all = Number.MAX_SAFE_INTEGER
const edu = (text: string, more: { name?: string } = {}) => ({ type: 'm.test', content: { text }, ...more })

async function outbox() {
  const world = await createWorld()
  const { storage } = (await world.server('a.test')).app
  const textsOf = (reader: Reader, server = b) =>
    [...waitingEdus(reader, server, all, 100)].map(({ content }) => JSON.parse(content).text)
  return { storage, textsOf }
}

test('rows wait for each server in the order of their positions, whenever they came', async () => {
  const { storage } = await outbox()
  await storage.write((tx) => {
    for (const position of [30, 10, 20, 10]) insertPdus(tx, [b, c], position, 1)
    dropRows(tx, c, [10, 20], [])
  })
  const { reader } = storage
  expect(waitingPdus(reader, b, all, 2)).toEqual([10, 20])
  expect(waitingPdus(reader, b, 10, 50)).toEqual([10])
  expect(waitingPdus(reader, c, all, 50)).toEqual([30])
})

test('a row that comes while others are sent stays, even with an earlier position', async () => {
  const { storage } = await outbox()
  await storage.write((tx) => insertPdus(tx, [b], 20, 1))
  const sent = waitingPdus(storage.reader, b, all, 50)
  await storage.write((tx) => insertPdus(tx, [b], 10, 1))
  await storage.write((tx) => dropRows(tx, b, sent, []))
  expect(waitingPdus(storage.reader, b, all, 50)).toEqual([10])
})

test('an EDU with a name takes the place of the one before, at the end', async () => {
  const { storage, textsOf } = await outbox()
  await storage.write((tx) => {
    insertEdus(tx, [b, c], edu('old', { name: 'x' }), 0)
    insertEdus(tx, [b], edu('nameless'), 0)
    insertEdus(tx, [b], edu('new', { name: 'x' }), 0)
    insertEdus(tx, [b], edu('nameless'), 0)
  })
  expect(textsOf(storage.reader)).toEqual(['nameless', 'new', 'nameless'])
  expect(textsOf(storage.reader, c)).toEqual(['old'])
})

test('an EDU replaced while it is sent waits again', async () => {
  const { storage, textsOf } = await outbox()
  await storage.write((tx) => insertEdus(tx, [b], edu('old', { name: 'x' }), 0))
  const sent = [...waitingEdus(storage.reader, b, all, 100)].map(({ id }) => id)
  await storage.write((tx) => insertEdus(tx, [b], edu('new', { name: 'x' }), 0))
  await storage.write((tx) => dropRows(tx, b, [], sent))
  expect(textsOf(storage.reader)).toEqual(['new'])
})

test('a write that is undone leaves nothing', async () => {
  const { storage } = await outbox()
  const write = storage.write((tx) => {
    insertPdus(tx, [b], 1, 1)
    insertEdus(tx, [b], edu('x'), 0)
    throw new Error('no')
  })
  await expect(write).rejects.toThrow('no')
  expect(countWaiting(storage.reader, b)).toEqual({ pdus: 0, edus: 0 })
})

test('the servers for which something waits are found, each once, without reading what waits', async () => {
  const { storage } = await outbox()
  expect(waitingDestinations(storage.reader)).toEqual([])
  const servers = numbered('s', 1000).map((one) => name(`${one}.test`))
  await storage.write((tx) => {
    for (const position of [1, 2, 3]) insertPdus(tx, servers, position, 1)
    insertEdus(tx, [name('s5.test'), name('only-edus.test')], edu('x'), 0)
  })
  expect(waitingDestinations(storage.reader).toSorted()).toEqual([...servers, 'only-edus.test'].toSorted())
})

test('the newest event of each room is kept, for one server alone', async () => {
  const { storage } = await outbox()
  await storage.write((tx) => {
    for (const position of [1, 2, 3, 4, 5, 6]) insertPdus(tx, [b, c], position, position % 2)
    keepNewest(tx, b)
  })
  expect(waitingPdus(storage.reader, b, all, 50)).toEqual([5, 6])
  expect(waitingPdus(storage.reader, c, all, 50)).toEqual([1, 2, 3, 4, 5, 6])
})
