import { expect, test } from 'vitest'
import { readPublishedKeys } from '../../src/federation/published-keys.ts'
import { findPublished, findServerKey, forgetLongUnheard, storePublishedKeys } from '../../src/federation/store.ts'
import { createWorld } from '../support/world.ts'
import { day, keysOf, signerOf } from './kit.ts'

test('of many servers, the keys of those go that were not asked for longest', async () => {
  const world = await createWorld()
  const { storage } = (await world.server('a.test')).app
  const now = world.clock.now()
  const servers = Array.from({ length: 30 }, (_, index) => `s${index}.test`)
  await storage.write((tx) => {
    for (const [index, server] of servers.entries()) {
      const signer = signerOf(server)
      const read = readPublishedKeys(server, signer.signJson(keysOf(signer, now + day)), now, 'current')
      if ('problem' in read) throw new Error(read.problem)
      // The first one is asked again.
      storePublishedKeys(tx, server, read, now + index)
      if (index === 20) storePublishedKeys(tx, 's0.test', { ...read, keys: [] }, now + 100)
    }
    forgetLongUnheard(tx, 30)
  })
  const left = () => servers.filter((server) => findPublished(storage.reader, server) !== undefined)
  expect(left()).toEqual(servers)
  await storage.write((tx) => forgetLongUnheard(tx, 10))
  expect(left()).toEqual(['s0.test', ...servers.slice(21)])
  expect(servers.filter((server) => findServerKey(storage.reader, server, 'ed25519:1'))).toEqual(left())
})
