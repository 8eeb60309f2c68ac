import { describe, expect, test } from 'vitest'
import type { Person } from './person.ts'
import {
  act,
  createRoom,
  expectAgreement,
  join,
  joinVia,
  leave,
  of,
  say,
  seen,
  serverOf,
  setState,
  stateOf,
  untilMembership,
  untilSeen,
  untilShown,
} from './rooms-kit.ts'
import { missing } from './sides.ts'
import { hosts, stage, versions } from './stage.ts'

const knock = (person: Person, roomId: string, server: string) =>
  person.ok('POST', `/knock/${of(roomId)}?via=${of(server)}&server_name=${of(server)}`, { reason: 'please' })

/** Access is to servers without their ports. */
const hostOf = (person: Person) => serverOf(person).replace(/:\d+$/, '')

const deniedIn = async (person: Person, roomId: string) =>
  (await stateOf(person, roomId, 'm.room.server_acl'))?.deny as string[] | undefined

const closed = (rule: string, club: string) => ({ join_rule: rule, allow: [{ type: 'm.room_membership', room_id: club }] })

describe.skipIf(missing)('ways into and out of rooms, between a real Synapse and this server', () => {
  const { cast } = stage()

  describe.each(hosts)('rooms of %s', (side) => {
    test.each(versions)('version %s: a restricted room opens to members of another', async (version) => {
      const { host, guest, second } = await cast(side)
      const club = await createRoom(host, version, { preset: 'public_chat' })
      const roomId = await createRoom(host, version)
      await setState(host, roomId, 'm.room.join_rules', closed('restricted', club))
      expect((await joinVia(guest, roomId, serverOf(host))).status).toBe(403)
      await join(guest, club, serverOf(host))
      await untilMembership(host, club, guest, 'join')
      await join(guest, roomId, serverOf(host))
      await untilMembership(host, roomId, guest, 'join')
      const event = await stateOf(host, roomId, 'm.room.member', guest.userId)
      expect(event?.join_authorised_via_users_server).toBe(host.userId)

      // Their server is in the room now, but nobody of it may let anybody in.
      await join(second, club, serverOf(host))
      await untilMembership(host, club, second, 'join')
      await join(second, roomId, serverOf(host))
      await untilMembership(host, roomId, second, 'join')
      await expectAgreement(roomId, host, second)
      await expectAgreement(club, host, guest)
    })

    test.each(versions)('version %s: a knock is answered, refused and taken back', async (version) => {
      const { host, guest, second } = await cast(side)
      const roomId = await createRoom(host, version, { name: 'Doctors' })
      await setState(host, roomId, 'm.room.join_rules', { join_rule: 'knock' })
      await knock(guest, roomId, serverOf(host))
      const { knock_state } = await untilShown(guest, roomId, 'knock')
      expect(knock_state.events).toContainEqual(expect.objectContaining({ type: 'm.room.name', content: { name: 'Doctors' } }))
      await untilMembership(host, roomId, guest, 'knock')
      // Synapse tells nobody when one of its users takes a knock back, and does not listen when another server refuses one.
      if (side === 'synapse') {
        await leave(guest, roomId)
        await untilMembership(host, roomId, guest, 'leave')
      } else await act(host, 'kick', roomId, guest)

      await knock(guest, roomId, serverOf(host))
      await untilShown(guest, roomId, 'knock')
      await act(host, 'invite', roomId, guest)
      await untilShown(guest, roomId, 'invite')
      await join(guest, roomId)
      await untilMembership(host, roomId, guest, 'join')

      // Their server is in the room by now.
      await knock(second, roomId, serverOf(host))
      await untilMembership(host, roomId, second, 'knock')
      await act(host, 'invite', roomId, second)
      await untilMembership(guest, roomId, second, 'invite')
      await join(second, roomId)
      await expectAgreement(roomId, host, second)
    })

    test.each(['10', '11', '12'])('version %s: a room where one may knock or be a member of another', async (version) => {
      const { host, guest, second } = await cast(side)
      const club = await createRoom(host, version, { preset: 'public_chat' })
      const roomId = await createRoom(host, version)
      await setState(host, roomId, 'm.room.join_rules', closed('knock_restricted', club))
      await knock(second, roomId, serverOf(host))
      await untilMembership(host, roomId, second, 'knock')
      await join(guest, club, serverOf(host))
      await untilMembership(host, club, guest, 'join')
      await join(guest, roomId, serverOf(host))
      await act(host, 'invite', roomId, second)
      await untilMembership(guest, roomId, second, 'invite')
      await join(second, roomId)
      await untilMembership(host, roomId, second, 'join')
      await expectAgreement(roomId, host, guest)
    })

    test.each(versions)('version %s: a server is kept out for a while', async (version) => {
      const { host, guest } = await cast(side)
      const roomId = await createRoom(host, version, { preset: 'public_chat' })
      await join(guest, roomId, serverOf(host))
      await expectAgreement(roomId, host, guest)
      const everybody = { allow: ['*'], deny: [] as string[], allow_ip_literals: true }
      const few = { ...everybody, deny: [hostOf(guest)] }
      await setState(host, roomId, 'm.room.server_acl', few)
      await guest.until('ACL', async () => (await deniedIn(guest, roomId))?.length === 1)
      await say(guest, roomId, 'unheard')
      await say(host, roomId, 'between ourselves')
      await untilSeen(guest, roomId, 'between ourselves')
      expect(await seen(host, roomId)).not.toContain('unheard')

      await setState(host, roomId, 'm.room.server_acl', everybody)
      await guest.until('ACL', async () => (await deniedIn(guest, roomId))?.length === 0)
      await say(guest, roomId, 'heard')
      await untilSeen(host, roomId, 'heard')
      await expectAgreement(roomId, host, guest)
    })

    test.each(versions)('version %s: a server that is kept out cannot join', async (version) => {
      const { host, guest } = await cast(side)
      const content = { allow: ['*'], deny: [hostOf(guest)], allow_ip_literals: true }
      const acl = { type: 'm.room.server_acl', state_key: '', content }
      const roomId = await createRoom(host, version, { preset: 'public_chat', initial_state: [acl] })
      expect((await joinVia(guest, roomId, serverOf(host))).status).toBe(403)
    })

    test.each(versions)('a room is upgraded to version %s, and people move', async (version) => {
      const { host, guest } = await cast(side)
      const old = await createRoom(host, '9', { preset: 'public_chat', name: 'Moving' })
      await join(guest, old, serverOf(host))
      await untilMembership(host, old, guest, 'join')
      const { replacement_room: roomId } = await host.ok('POST', `/rooms/${of(old)}/upgrade`, { new_version: version })
      await guest.until('tombstone', async () => {
        const tombstone = await stateOf(guest, old, 'm.room.tombstone')
        return tombstone?.replacement_room === roomId
      })
      await join(guest, roomId, serverOf(host))
      await untilMembership(host, roomId, guest, 'join')
      expect(await stateOf(guest, roomId, 'm.room.create')).toMatchObject({
        room_version: version,
        predecessor: { room_id: old },
      })
      expect(await stateOf(guest, roomId, 'm.room.name')).toEqual({ name: 'Moving' })
      await expectAgreement(roomId, host, guest)
    })
  })
})
