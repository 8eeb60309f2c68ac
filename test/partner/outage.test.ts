import { afterEach, describe, expect, test } from 'vitest'
import { type Device, startDevice } from '../clients/device.ts'
import type { Person } from './person.ts'
import {
  act,
  createRoom,
  expectAgreement,
  join,
  leave,
  membershipOf,
  say,
  seen,
  send,
  serverOf,
  setState,
  stateOf,
  untilMembership,
  untilSeen,
} from './rooms-kit.ts'
import { missing } from './sides.ts'
import { hosts, stage, versions } from './stage.ts'

const encrypted = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }

describe.skipIf(missing)('a real Synapse or this server is away for a while', () => {
  const stageOf = stage()
  const devices: Device[] = []
  afterEach(() => {
    for (const { client } of devices.splice(0)) client.stopClient()
  })

  async function start({ url, userId, accessToken, deviceId }: Person): Promise<Device> {
    const device = await startDevice(url, { user_id: userId, access_token: accessToken, device_id: deviceId })
    devices.push(device)
    return device
  }

  /** A room of each version with somebody of each server, both with power. */
  async function rooms(host: Person, guest: Person): Promise<string[]> {
    const made: string[] = []
    for (const version of versions) {
      const roomId = await createRoom(host, version, { preset: 'public_chat' })
      const levels = await stateOf(host, roomId, 'm.room.power_levels')
      const users = { ...(levels?.users as object), [guest.userId]: 90 }
      await setState(host, roomId, 'm.room.power_levels', { ...levels, users })
      await join(guest, roomId, serverOf(host))
      await untilMembership(host, roomId, guest, 'join')
      made.push(roomId)
    }
    return made
  }

  /** What somebody does alone: more than a transaction has, with changes of the state among it. */
  async function busyAlone(person: Person, roomId: string, count: number, subject: string): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      await say(person, roomId, `${subject} ${index}`)
      if (index % 20 === 10) await setState(person, roomId, 'm.room.topic', { topic: `${subject} ${index}` })
    }
  }

  describe.each(hosts)('rooms of %s', (side) => {
    test('one side is away while the other goes on, then the other', { timeout: 300_000 }, async () => {
      const { hausbote, synapse } = stageOf.sides
      const { host, guest, second } = await stageOf.cast(side)
      const all = await rooms(host, guest)
      for (const away of [synapse, hausbote]) {
        const here = serverOf(host) === away.name ? guest : host
        const there = here === host ? guest : host
        await away.stop()
        for (const roomId of all) await busyAlone(here, roomId, 75, `without ${away.title}`)
        if (here === guest) for (const roomId of all) await join(second, roomId)
        await away.start()
        for (const roomId of all) {
          await untilSeen(there, roomId, `without ${away.title} 74`)
          await expectAgreement(roomId, host, guest)
          const texts = await seen(there, roomId)
          for (let index = 0; index < 75; index += 1) expect(texts).toContain(`without ${away.title} ${index}`)
        }
      }
    })

    test('both go on without each other, and contradict each other', { timeout: 300_000 }, async () => {
      const { hausbote, synapse } = stageOf.sides
      const { host, guest, second } = await stageOf.cast(side)
      const all = await rooms(host, guest)
      for (const roomId of all) {
        await join(second, roomId, serverOf(host))
        await untilMembership(host, roomId, second, 'join')
        await expectAgreement(roomId, host, second)
      }
      const [there, here] = side === 'hausbote' ? [synapse, hausbote] : [hausbote, synapse]
      await there.stop()
      for (const roomId of all) {
        await busyAlone(host, roomId, 15, 'host alone')
        await setState(host, roomId, 'm.room.name', { name: 'of the host' })
        await setState(host, roomId, 'm.room.join_rules', { join_rule: 'invite' })
        await act(host, 'ban', roomId, second)
      }
      await here.stop()
      await there.start()
      for (const roomId of all) {
        await busyAlone(guest, roomId, 15, 'guest alone')
        await setState(guest, roomId, 'm.room.name', { name: 'of the guest' })
        await say(second, roomId, 'banned, but does not know it')
        await leave(second, roomId)
      }
      await here.start()
      for (const roomId of all) {
        await send(host, roomId, 'm.room.message', { msgtype: 'm.text', body: 'together again' })
        await untilSeen(guest, roomId, 'together again')
        await untilSeen(host, roomId, 'guest alone 14')
        await expectAgreement(roomId, host, guest, second)
        expect(await seen(host, roomId)).not.toContain('banned, but does not know it')
        expect(await stateOf(guest, roomId, 'm.room.join_rules')).toEqual({ join_rule: 'invite' })
        expect(await membershipOf(guest, roomId, second)).toBe('ban')
      }
    })

    test('what was encrypted for a device meanwhile can be read', { timeout: 120_000 }, async () => {
      const { hausbote, synapse } = stageOf.sides
      const people = await stageOf.cast(side)
      const roomId = await createRoom(people.host, '11', { preset: 'public_chat', initial_state: [encrypted] })
      await join(people.guest, roomId, serverOf(people.host))
      const [host, guest] = [await start(people.host), await start(people.guest)]
      for (const device of [host, guest]) {
        const room = await device.room(roomId)
        await device.until('both in the room', () => room.getJoinedMemberCount() === 2)
      }
      await guest.client.sendTextMessage(roomId, 'before')
      await host.until('before', () => host.texts(roomId).includes('before'))
      const away = side === 'hausbote' ? synapse : hausbote
      await away.stop()
      await host.client.sendTextMessage(roomId, 'while you were away')
      await away.start()
      guest.client.retryImmediately()
      await people.guest.until('message', async () => guest.texts(roomId).includes('while you were away'))
    })
  })
})
