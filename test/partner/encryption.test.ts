import { randomBytes } from 'node:crypto'
import type { EncryptedFile } from 'matrix-js-sdk/lib/types.js'
import { afterEach, describe, expect, test } from 'vitest'
import { decryptAttachment, encryptAttachment } from '../clients/attachment.ts'
import { type Device, startDevice } from '../clients/device.ts'
import type { Person } from './person.ts'
import { expectAgreement } from './rooms-kit.ts'
import { missing } from './sides.ts'
import { hosts, stage, versions } from './stage.ts'

const algorithm = { algorithm: 'm.megolm.v1.aes-sha2' }
/** The same person signs in once more. */
async function anotherDevice(person: Person): Promise<Person> {
  const identifier = { type: 'm.id.user', user: person.userId }
  const session = await person.ok('POST', '/login', { type: 'm.login.password', identifier, password: 'password' })
  return { ...person, accessToken: session.access_token, deviceId: session.device_id }
}

const encrypted = { type: 'm.room.encryption', state_key: '', content: algorithm }

describe.skipIf(missing)('encrypted rooms of people with a real client, on a real Synapse and on this server', () => {
  const { cast } = stage()
  const devices: Device[] = []
  afterEach(() => {
    for (const { client } of devices.splice(0)) client.stopClient()
  })

  async function start({ url, userId, accessToken, deviceId }: Person): Promise<Device> {
    const device = await startDevice(url, { user_id: userId, access_token: accessToken, device_id: deviceId })
    devices.push(device)
    return device
  }

  const reads = (device: Device, roomId: string, text: string) => device.until(text, () => device.texts(roomId).includes(text))

  async function bothWays(roomId: string, one: Device, other: Device, subject: string): Promise<void> {
    await one.client.sendTextMessage(roomId, `${subject}, asked`)
    await reads(other, roomId, `${subject}, asked`)
    await other.client.sendTextMessage(roomId, `${subject}, answered`)
    await reads(one, roomId, `${subject}, answered`)
  }

  /** Invites and joins; both clients know that both are there. */
  async function roomOf(host: Device, guest: Device, version: string): Promise<string> {
    const { room_id: roomId } = await host.client.createRoom({
      room_version: version,
      invite: [guest.userId],
      initial_state: [encrypted],
    })
    await guest.until('invitation', () => guest.client.getRoom(roomId)?.getMyMembership() === 'invite')
    await guest.client.joinRoom(roomId)
    for (const device of [host, guest]) {
      const room = await device.room(roomId)
      await device.until('both in the room', () => room.getJoinedMemberCount() === 2)
    }
    return roomId
  }

  describe.each(hosts)('rooms of %s', (side) => {
    test.each(versions)('version %s: messages, a file, and a device that comes later', async (version) => {
      const people = await cast(side)
      const [host, guest] = [await start(people.host), await start(people.guest)]
      const roomId = await roomOf(host, guest, version)
      await bothWays(roomId, host, guest, 'Findings')

      const report = randomBytes(200_000)
      const { ciphertext, secrets } = encryptAttachment(report)
      const { content_uri: url } = await guest.client.uploadContent(new Blob([ciphertext]), { includeFilename: false })
      const file = { ...secrets, url }
      await guest.client.sendMessage(roomId, { msgtype: 'm.file', body: 'report', file } as never)
      const message = await host.until('file', () => host.messages(roomId).find((event) => event.getContent().file))
      const received = message.getContent<{ file: EncryptedFile }>().file
      const response = await fetch(
        host.client.mxcUrlToHttp(received.url, undefined, undefined, undefined, false, true, true) ?? '',
        {
          headers: { authorization: `Bearer ${host.client.getAccessToken()}` },
        },
      )
      const decrypted = decryptAttachment(new Uint8Array(await response.arrayBuffer()), received)
      expect(report.equals(decrypted)).toBe(true)

      // Who writes has to learn over federation that there is another device now, and encrypt for it too.
      const later = await start(await anotherDevice(people.guest))
      await host.until('new device', async () => {
        const known = await host.crypto.getUserDeviceInfo([guest.userId], true)
        return known.get(guest.userId)?.has(later.deviceId)
      })
      await later.until('room', () => later.client.getRoom(roomId)?.getMyMembership() === 'join')
      await host.client.sendTextMessage(roomId, 'for both devices')
      for (const device of [guest, later]) await reads(device, roomId, 'for both devices')
      await later.client.sendTextMessage(roomId, 'from the new device')
      for (const device of [host, guest]) await reads(device, roomId, 'from the new device')

      // Signing keys go over federation as well.
      await guest.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) })
      await host.until('signing keys', async () => {
        const status = await host.crypto.getDeviceVerificationStatus(guest.userId, guest.deviceId)
        return status?.signedByOwner
      })
      await expectAgreement(roomId, people.host, people.guest)
    })
  })
})
