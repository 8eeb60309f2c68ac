import { expect, onTestFinished, test } from 'vitest'
import { handMadeSync, turn, watch } from '../storage/kit.ts'
import { createWorld } from '../support/world.ts'

const v3 = '/_matrix/client/v3'

/** A room with two members on a disk that can be told to keep everybody waiting. */
async function setUp() {
  const disk = handMadeSync()
  let held = false
  const world = await createWorld()
  const server = await world.server(
    'a.test',
    { HAUSBOTE_PRESENCE: 'off' },
    { sync: () => (held ? disk.sync() : Promise.resolve()) },
  )
  const release = () => {
    held = false
    while (disk.waiting > 0) disk.finish()
  }
  onTestFinished(release)
  const [alice, bob] = [await server.register('alice'), await server.register('bob')]
  const made = await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat', name: 'Before' })
  const roomId: string = made.body.room_id
  await bob.request('POST', `${v3}/join/${roomId}`, {})
  const since: string = (await bob.request('GET', `${v3}/sync?timeout=0`)).body.next_batch
  return {
    ...{ disk, alice, bob, roomId, since },
    hold: () => {
      held = true
    },
    release,
  }
}

test('while the disk is busy, reads are answered and do not show what is not safe yet', async () => {
  const { disk, alice, bob, roomId, since, hold, release } = await setUp()
  const room = `${v3}/rooms/${roomId}`
  const read = async () => ({
    messages: (await bob.request('GET', `${room}/messages?dir=b&limit=1`)).body.chunk[0],
    state: (await bob.request('GET', `${room}/state/m.room.name`)).body.name,
    sync: (await bob.request('GET', `${v3}/sync?timeout=0&since=${since}`)).body,
  })
  const before = await read()
  expect(before.state).toBe('Before')
  expect(before.sync.rooms.join?.[roomId]?.timeline).toBeUndefined()
  const polling = bob.request('GET', `${v3}/sync?timeout=30000&since=${before.sync.next_batch}`)
  await turn()

  hold()
  const named = alice.request('PUT', `${room}/state/m.room.name/`, { name: 'After' })
  const sent = alice.request('PUT', `${room}/send/m.room.message/1`, { msgtype: 'm.text', body: 'Hello' })
  await disk.asked()
  const [sending, waiting] = [watch(sent), watch(polling)]
  for (let round = 0; round < 5; round += 1) {
    const during = await read()
    expect(during.messages.event_id).toBe(before.messages.event_id)
    expect(during.state).toBe('Before')
    expect(during.sync).toEqual(before.sync)
    await turn()
  }
  expect([sending.state, waiting.state]).toEqual(['pending', 'pending'])

  release()
  expect((await named).status).toBe(200)
  const after = (await sent).body.event_id
  const woken = (await polling).body
  expect(woken.rooms.join[roomId].timeline.events.at(-1).event_id).toBe(after)
  const then = await read()
  expect(then.messages.event_id).toBe(after)
  expect(then.state).toBe('After')
  expect(then.sync.rooms.join[roomId].timeline.events.map((event: { type: string }) => event.type)).toEqual([
    'm.room.name',
    'm.room.message',
  ])
})

test('writes that arrive meanwhile share the next sync', async () => {
  const { disk, alice, roomId, hold, release } = await setUp()
  hold()
  const send = (id: number) =>
    alice.request('PUT', `${v3}/rooms/${roomId}/send/m.room.message/${id}`, { msgtype: 'm.text', body: `${id}` })
  const first = send(0)
  await disk.asked()
  const others = Array.from({ length: 20 }, (_, index) => send(index + 1))
  await turn()
  const states = others.map(watch)
  expect(disk.waiting).toBe(1)
  disk.finish()
  expect((await first).status).toBe(200)
  await disk.asked()
  expect(states.every(({ state }) => state === 'pending')).toBe(true)
  release()
  const ids = (await Promise.all(others)).map(({ body }) => body.event_id)
  expect(new Set(ids).size).toBe(20)
})
