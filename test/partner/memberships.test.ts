import { describe, expect, test } from 'vitest'
import {
  act,
  createRoom,
  expectAgreement,
  join,
  joinVia,
  leave,
  membershipOf,
  of,
  say,
  send,
  serverOf,
  setState,
  stateOf,
  untilMembership,
  untilSeen,
  untilShown,
} from './rooms-kit.ts'
import { missing } from './sides.ts'
import { hosts, stage, versions } from './stage.ts'

describe.skipIf(missing)('people of a real Synapse and of this server in one room', () => {
  const { cast } = stage()

  describe.each(hosts)('rooms of %s', (side) => {
    test.each(versions)('version %s: invitations are taken, declined and taken back', async (version) => {
      const { host, guest } = await cast(side)
      const roomId = await createRoom(host, version, { name: 'Findings', invite: [guest.userId] })
      const invited = await untilShown(guest, roomId, 'invite')
      const shown = invited.invite_state.events.map(({ type, content }: { type: string; content: object }) => [type, content])
      expect(Object.fromEntries(shown)).toMatchObject({ 'm.room.name': { name: 'Findings' } })
      await leave(guest, roomId)
      await untilMembership(host, roomId, guest, 'leave')

      await act(host, 'invite', roomId, guest)
      await untilShown(guest, roomId, 'invite')
      await act(host, 'kick', roomId, guest)
      await untilShown(guest, roomId, 'leave')
      expect((await joinVia(guest, roomId, serverOf(host))).status).toBe(403)

      await act(host, 'invite', roomId, guest, { reason: 'once more' })
      await untilShown(guest, roomId, 'invite')
      await join(guest, roomId)
      await untilMembership(host, roomId, guest, 'join')
      await expectAgreement(roomId, host, guest)
    })

    test.each(versions)('version %s: leaving, kicks, bans and coming back', async (version) => {
      const { host, guest } = await cast(side)
      const roomId = await createRoom(host, version, { preset: 'public_chat' })
      await join(guest, roomId, serverOf(host))
      await expectAgreement(roomId, host, guest)
      await leave(guest, roomId)
      await untilMembership(host, roomId, guest, 'leave')
      await say(host, roomId, 'while the guest is away')

      await join(guest, roomId, serverOf(host))
      await untilMembership(host, roomId, guest, 'join')
      await act(host, 'kick', roomId, guest, { reason: 'out' })
      const kicked = await untilShown(guest, roomId, 'leave')
      expect(kicked.timeline.events.at(-1)).toMatchObject({
        content: { membership: 'leave', reason: 'out' },
        sender: host.userId,
      })

      await join(guest, roomId, serverOf(host))
      await untilMembership(host, roomId, guest, 'join')
      await act(host, 'ban', roomId, guest)
      await untilShown(guest, roomId, 'leave')
      expect((await joinVia(guest, roomId, serverOf(host))).status).toBe(403)
      await act(host, 'unban', roomId, guest)
      await join(guest, roomId, serverOf(host))
      await untilMembership(host, roomId, guest, 'join')
      await expectAgreement(roomId, host, guest)
    })

    test.each(versions)('version %s: an alias leads in; both change the state and redact', async (version) => {
      const { host, guest } = await cast(side)
      const alias = `practice-${version}-${side}`
      const roomId = await createRoom(host, version, { preset: 'public_chat', room_alias_name: alias })
      await join(guest, `#${alias}:${serverOf(host)}`)
      await untilMembership(host, roomId, guest, 'join')
      const levels = await stateOf(host, roomId, 'm.room.power_levels')
      const users = { ...(levels?.users as object), [guest.userId]: 60 }
      await setState(host, roomId, 'm.room.power_levels', { ...levels, users })
      await guest.until('power', async () => {
        const now = await stateOf(guest, roomId, 'm.room.power_levels')
        return (now?.users as Record<string, number> | undefined)?.[guest.userId] === 60
      })
      await setState(guest, roomId, 'm.room.topic', { topic: 'from the guest' })
      await host.until('topic', async () => (await stateOf(host, roomId, 'm.room.topic'))?.topic === 'from the guest')
      const bad = await say(host, roomId, 'something wrong')
      await untilSeen(guest, roomId, 'something wrong')
      await guest.ok('PUT', `/rooms/${of(roomId)}/redact/${of(bad)}/r1`, {})
      await host.until('redaction', async () => {
        const event = await host.ok('GET', `/rooms/${of(roomId)}/event/${of(bad)}`)
        return event.content.body === undefined
      })
      const said = await say(guest, roomId, 'something')
      await untilSeen(host, roomId, 'something')
      await send(host, roomId, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: said, key: '+' } })
      await expectAgreement(roomId, host, guest)
      expect(await membershipOf(guest, roomId, host)).toBe('join')
    })
  })
})
