import { expect, test } from 'vitest'
import { askAs } from '../federation/kit.ts'
import { seal } from '../hostile/kit.ts'
import { roomsOf } from './federation-kit.ts'
import { of, scene, versionNamed } from './serving-kit.ts'

test('a server of old invites somebody to a room of version 1', async () => {
  const { a, alice, peer, world } = await scene()
  const roomId = '!old:peer.test'
  const made = seal(peer.signer, versionNamed('1'), {
    event_id: '$invitation:peer.test',
    room_id: roomId,
    type: 'm.room.member',
    state_key: alice.userId,
    sender: '@olga:peer.test',
    content: { membership: 'invite' },
    depth: 5,
    origin_server_ts: world.clock.now(),
    auth_events: [],
    prev_events: [],
  })
  const name = { type: 'm.room.name', state_key: '', sender: '@olga:peer.test', content: { name: 'Of old' } }
  const body = { ...made.raw, unsigned: { invite_room_state: [name] } }
  const answer = await askAs(
    peer.signer,
    a,
    'PUT',
    `/_matrix/federation/v1/invite/${of(roomId)}/${of('$invitation:peer.test')}`,
    body,
  )
  expect(answer.status).toBe(200)
  const [status, { event }] = answer.body
  expect(status).toBe(200)
  expect(Object.keys(event.signatures).sort()).toEqual(['a.test', 'peer.test'])
  const shown = (await roomsOf(alice)).invite[roomId].invite_state.events
  expect(shown).toContainEqual(name)
})
