import { describe, expect, test } from 'vitest'
import { listReports } from '../../src/reports/store.ts'
import { cast, createRoom, join, ok, refused, say, setState, v3 } from '../rooms/kit.ts'

const eventPath = (roomId: string, eventId: string) =>
  `${v3}/rooms/${encodeURIComponent(roomId)}/report/${encodeURIComponent(eventId)}`
const roomPath = (roomId: string) => `${v3}/rooms/${encodeURIComponent(roomId)}/report`
const userPath = (userId: string) => `${v3}/users/${encodeURIComponent(userId)}/report`

describe('what a user reports is kept for the owner', () => {
  test('rooms, events and users, the newest first', async () => {
    const { world, server, alice, bob } = await cast()
    const roomId = await createRoom(alice)
    await join(bob, roomId)
    const eventId = await say(alice, roomId, 'rude words')
    const { reader } = server.app.storage
    await ok(bob, 'POST', eventPath(roomId, eventId), { reason: 'rude', score: -100 })
    await world.clock.advance(1000)
    await ok(bob, 'POST', eventPath(roomId, eventId), {})
    await ok(bob, 'POST', roomPath(roomId), { reason: 'loud' })
    await ok(bob, 'POST', roomPath('!elsewhere:b.test'), { reason: '' })
    await ok(bob, 'POST', userPath(alice.userId), { reason: 'everything' })
    await ok(bob, 'POST', userPath('@nobody:b.test'), { reason: 'who?' })
    const now = world.clock.now()
    const by = { reporter: bob.userId, madeAt: now, roomId: null, eventId: null, userId: null }
    const all = listReports(reader, 10)
    expect(all.map(({ id: _id, ...report }) => report)).toEqual([
      { ...by, userId: '@nobody:b.test', reason: 'who?' },
      { ...by, userId: alice.userId, reason: 'everything' },
      { ...by, roomId: '!elsewhere:b.test', reason: '' },
      { ...by, roomId, reason: 'loud' },
      { ...by, roomId, eventId, userId: alice.userId, reason: '' },
      { ...by, roomId, eventId, userId: alice.userId, reason: 'rude', madeAt: now - 1000 },
    ])
    expect(listReports(reader, 2, all[1]?.id)).toEqual(all.slice(2, 4))
  })

  test('but no events that the user cannot see', async () => {
    const { server, alice, bob } = await cast()
    const roomId = await createRoom(alice)
    await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    const hidden = await say(alice, roomId, 'among us')
    const missing = [404, 'M_NOT_FOUND']
    expect(await refused(bob, 'POST', eventPath(roomId, hidden), { reason: 'x' })).toEqual(missing)
    await join(bob, roomId)
    expect(await refused(bob, 'POST', eventPath(roomId, hidden), { reason: 'x' })).toEqual(missing)
    expect(await refused(bob, 'POST', eventPath(roomId, '$none'), { reason: 'x' })).toEqual(missing)
    const elsewhere = await createRoom(bob)
    const seen = await say(alice, roomId, 'to all')
    expect(await refused(bob, 'POST', eventPath(elsewhere, seen), { reason: 'x' })).toEqual(missing)
    expect(await refused(bob, 'POST', eventPath('!nowhere:a.test', seen), { reason: 'x' })).toEqual(missing)
    expect(listReports(server.app.storage.reader, 10)).toEqual([])
  })

  test('nor what is no report', async () => {
    const { server, bob } = await cast()
    expect(await refused(bob, 'POST', roomPath('elsewhere'), { reason: 'x' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused(bob, 'POST', userPath('alice'), { reason: 'x' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused(bob, 'POST', userPath('@alice:a.test'), {})).toEqual([400, 'M_BAD_JSON'])
    expect(await refused(bob, 'POST', userPath('@alice:a.test'), { reason: 'x'.repeat(5001) })).toEqual([400, 'M_BAD_JSON'])
    expect(listReports(server.app.storage.reader, 10)).toEqual([])
  })
})
