import { isDeepStrictEqual } from 'node:util'
import { Direction, MatrixError, MsgType, Preset, SyncState } from 'matrix-js-sdk'
import {
  CryptoEvent,
  type ShowSasCallbacks,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
  type Verifier,
  VerifierEvent,
} from 'matrix-js-sdk/lib/crypto-api/index.js'
import type { EncryptedFile } from 'matrix-js-sdk/lib/types.js'
import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { decryptAttachment, encryptAttachment } from './attachment.ts'
import { type Device, startDevice, stranger } from './device.ts'

/** Each step builds on those before it: after one that failed, the others say nothing. */
let broken = false
function step(title: string, action: () => Promise<void>): void {
  test(title, async ({ skip }) => {
    skip(broken, 'an earlier step failed')
    broken = true
    await action()
    broken = false
  })
}

describe('two people talk with three devices', () => {
  const passwords = { alice: 'a password of Alice', ben: 'a password of Ben' }
  const devices: Device[] = []
  let server: ServerProcess
  let aliceTablet: Device
  let alicePhone: Device
  let ben: Device
  let roomId: string
  let picture: Buffer

  afterAll(async () => {
    for (const { client } of devices) client.stopClient()
    await server?.remove()
  })

  async function start(session: Parameters<typeof startDevice>[1]): Promise<Device> {
    const device = await startDevice(server.url, session)
    devices.push(device)
    return device
  }

  step('Alice registers with a token from the owner of the server', async () => {
    server = await startServerProcess({ HAUSBOTE_REGISTRATION: 'token', HAUSBOTE_LOG_LEVEL: 'warn' })
    const { out } = await server.command(['token', 'add', '--uses', '1'])
    const [, token = ''] = /: (\w+)\n/.exec(out) ?? []
    const wish = { username: 'alice', password: passwords.alice, initial_device_display_name: 'Tablet' }
    const { flows, session } = await asked(stranger(server.url).registerRequest(wish))
    expect(flows).toEqual([{ stages: ['m.login.registration_token'] }])
    const auth = { type: 'm.login.registration_token', token, session }
    const { access_token, device_id, user_id } = await stranger(server.url).registerRequest({ ...wish, auth })
    expect(user_id).toBe('@alice:localhost')
    aliceTablet = await start({ access_token: access_token ?? '', device_id: device_id ?? '', user_id })
    await expect(
      stranger(server.url).registerRequest({ ...wish, username: 'eve', auth: { ...auth, session: undefined } }),
    ).rejects.toThrow()
  })

  step('the owner opens registration; Ben registers, and signs in', async () => {
    await server.stop()
    await everybodyReturns({ HAUSBOTE_REGISTRATION: 'open' })
    const wish = { username: 'ben', password: passwords.ben, inhibit_login: true }
    const { flows, session } = await asked(stranger(server.url).registerRequest(wish))
    expect(flows).toEqual([{ stages: ['m.login.dummy'] }])
    await stranger(server.url).registerRequest({ ...wish, auth: { type: 'm.login.dummy', session } })
    await expect(signIn('ben', 'not his password')).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    ben = await start(await signIn('ben', passwords.ben))
  })

  step('Alice makes a room, which is encrypted without a word from her, and Ben joins', async () => {
    const { room_id } = await aliceTablet.client.createRoom({ preset: Preset.PrivateChat, name: 'Talk', invite: [ben.userId] })
    roomId = room_id
    await ben.until('invitation', () => ben.client.getRoom(roomId)?.getMyMembership() === 'invite')
    await ben.client.joinRoom(roomId)
    for (const device of [aliceTablet, ben]) {
      const room = await device.room(roomId)
      await device.until('both in the room', () => room.getJoinedMemberCount() === 2)
      expect(room.name).toBe('Talk')
      expect(await device.crypto.isEncryptionEnabledInRoom(roomId)).toBe(true)
    }
  })

  step('they write to each other', async () => {
    await aliceTablet.client.sendTextMessage(roomId, 'Good morning, Ben')
    await reads(ben, 'Good morning, Ben')
    await ben.client.sendTextMessage(roomId, 'Good morning, Alice')
    for (const device of [aliceTablet, ben]) {
      await reads(device, 'Good morning, Alice')
      expect(device.texts(roomId)).toEqual(['Good morning, Ben', 'Good morning, Alice'])
    }
    const { chunk } = await ben.client.createMessagesRequest(roomId, null, 20, Direction.Backward)
    expect(chunk.filter(({ type }) => type === 'm.room.encrypted')).toHaveLength(2)
    expect(JSON.stringify(chunk)).not.toContain('morning')
  })

  step('Alice sends a picture, of which the server only has what it cannot read', async () => {
    picture = await sharp({
      create: { width: 320, height: 200, channels: 3, background: '#0a7', noise: { type: 'gaussian', mean: 128, sigma: 60 } },
    })
      .png()
      .toBuffer()
    const { ciphertext, secrets } = encryptAttachment(picture)
    const { content_uri: url } = await aliceTablet.client.uploadContent(new Blob([ciphertext]), { includeFilename: false })
    const info = { mimetype: 'image/png', size: picture.length, w: 320, h: 200 }
    await aliceTablet.client.sendMessage(roomId, { msgtype: MsgType.Image, body: 'picture.png', info, file: { ...secrets, url } })
    expect(await receivedPicture(ben)).toEqual(picture)
    expect((await fetch(mediaUrl(ben, url))).status).toBe(401)
  })

  step('Alice sets up cross-signing and a key backup', async () => {
    await aliceTablet.crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) })
    const allSaved = new Promise<void>((resolve) =>
      aliceTablet.client.on(CryptoEvent.KeyBackupSessionsRemaining, (remaining) => remaining === 0 && resolve()),
    )
    await aliceTablet.crypto.bootstrapSecretStorage({
      setupNewSecretStorage: true,
      setupNewKeyBackup: true,
      createSecretStorageKey: () => aliceTablet.crypto.createRecoveryKeyFromPassphrase(),
    })
    expect(await aliceTablet.crypto.isCrossSigningReady()).toBe(true)
    expect(await aliceTablet.crypto.isSecretStorageReady()).toBe(true)
    await allSaved
  })

  step('the server loses its power while both are writing, and nothing is lost or doubled', async () => {
    const numbers = ['one', 'two', 'three', 'four', 'five', 'six']
    const zahlen = ['eins', 'zwei', 'drei', 'vier', 'fünf', 'sechs']
    const [aliceWrites, benWrites] = [write(aliceTablet, numbers), write(ben, zahlen)]
    const outcome = Promise.allSettled([...aliceWrites, ...benWrites])
    await Promise.all([aliceWrites[1], benWrites[1]])
    await server.kill()
    expect((await outcome).map(({ status }) => status)).toContain('rejected')
    await everybodyReturns()
    await Promise.all([aliceTablet, ben].map(sendAgain))
    for (const device of [aliceTablet, ben]) {
      for (const text of [...numbers, ...zahlen]) await reads(device, text)
      const texts = device.texts(roomId).slice(3)
      expect(texts.filter((text) => !zahlen.includes(text))).toEqual(numbers)
      expect(texts.filter((text) => !numbers.includes(text))).toEqual(zahlen)
    }
    expect(aliceTablet.texts(roomId)).toEqual(ben.texts(roomId))
  })

  step('Alice signs in on her phone, which can read nothing of what was said', async () => {
    alicePhone = await start(await signIn('alice', passwords.alice, 'Phone'))
    const room = await alicePhone.room(roomId)
    const encrypted = room
      .getLiveTimeline()
      .getEvents()
      .filter((event) => event.isEncrypted())
    expect(encrypted.length).toBeGreaterThanOrEqual(15)
    await alicePhone.until('failures to decrypt', () => encrypted.every((event) => event.isDecryptionFailure()))
    expect(alicePhone.texts(roomId)).toEqual([])
    expect((await trust(alicePhone, alicePhone))?.crossSigningVerified).toBe(false)
  })

  step('she compares emoji on both of her devices, and the phone is hers', async () => {
    const onPhone = await alicePhone.crypto.requestOwnUserVerification()
    const onTablet = await aliceTablet.verificationRequest()
    expect(onTablet.otherDeviceId).toBe(alicePhone.deviceId)
    await onTablet.accept()
    await phase(onPhone, VerificationPhase.Ready)
    const phoneVerifier = await onPhone.startVerification('m.sas.v1')
    await phase(onTablet, VerificationPhase.Started)
    const tabletVerifier = onTablet.verifier
    if (!tabletVerifier) throw new Error('the tablet has nothing to verify with')
    const [phoneShows, tabletShows] = [emojiOf(phoneVerifier), emojiOf(tabletVerifier)]
    const both = [phoneVerifier.verify(), tabletVerifier.verify()]
    const [seenOnPhone, seenOnTablet] = [await phoneShows, await tabletShows]
    expect(seenOnPhone.sas.emoji).toHaveLength(7)
    expect(seenOnPhone.sas.emoji).toEqual(seenOnTablet.sas.emoji)
    await Promise.all([seenOnPhone.confirm(), seenOnTablet.confirm(), ...both])
    await Promise.all([phase(onPhone, VerificationPhase.Done), phase(onTablet, VerificationPhase.Done)])
  })

  step('the phone restores the key backup and reads all that was said', async () => {
    // The tablet, which knows the phone now, hands over the key of the backup.
    await alicePhone.until('key of the backup', async () => (await alicePhone.crypto.getSessionBackupPrivateKey()) !== null)
    const { imported, total } = await alicePhone.crypto.restoreKeyBackup()
    expect([imported, total]).toEqual([total, 2])
    await alicePhone.until('all texts', () => alicePhone.texts(roomId).length === aliceTablet.texts(roomId).length)
    expect(alicePhone.texts(roomId)).toEqual(aliceTablet.texts(roomId))
    expect(await receivedPicture(alicePhone)).toEqual(picture)
  })

  step('all three devices go on', async () => {
    await alicePhone.client.sendTextMessage(roomId, 'From the phone')
    await reads(ben, 'From the phone')
    await ben.client.sendTextMessage(roomId, 'I read you')
    for (const device of devices) {
      await reads(device, 'I read you')
      expect(device.texts(roomId).slice(-2)).toEqual(['From the phone', 'I read you'])
    }
    for (const device of devices) expect((await trust(device, alicePhone))?.signedByOwner).toBe(true)
  })

  step('the phone signs out: it may do nothing any more, and the others know it', async () => {
    await alicePhone.client.logout(true)
    await expect(alicePhone.client.whoami()).rejects.toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    await ben.until('a device less', () => knowsOnly(ben, aliceTablet))
    await ben.client.sendTextMessage(roomId, 'Only for the tablet')
    await reads(aliceTablet, 'Only for the tablet')
  })

  step('with the phone lost Alice makes new signing keys, for which the server wants her password', async () => {
    const before = await ben.crypto.getUserCrossSigningKeys(aliceTablet.userId)
    await aliceTablet.until('a device less', () => knowsOnly(aliceTablet, aliceTablet))
    await aliceTablet.crypto.bootstrapCrossSigning({
      setupNewCrossSigning: true,
      authUploadDeviceSigningKeys: async (upload) => {
        const { flows, session } = await asked(upload(null))
        expect(flows).toEqual([{ stages: ['m.login.password'] }])
        const identifier = { type: 'm.id.user', user: aliceTablet.userId }
        await upload({ type: 'm.login.password', identifier, password: passwords.alice, session })
      },
    })
    await aliceTablet.until('new keys', () => aliceTablet.crypto.isCrossSigningReady())
    await ben.until('new keys', async () => {
      const now = await ben.crypto.getUserCrossSigningKeys(aliceTablet.userId)
      return now && !isDeepStrictEqual(now.master_key?.keys, before?.master_key?.keys)
    })
  })

  step('the server had no failure of its own', async () => {
    expect(await server.stop()).toEqual({ code: 0, signal: null })
    expect(server.output.split('\n').filter((line) => line.startsWith('{'))).toEqual([])
  })

  function signIn(user: string, password: string, name = 'Computer') {
    const identifier = { type: 'm.id.user', user }
    const wish = { type: 'm.login.password', identifier, password, initial_device_display_name: name }
    return stranger(server.url).loginRequest(wish)
  }

  /** The server was stopped: waits until all devices know, starts it, and waits until they are back. */
  async function everybodyReturns(settings?: Readonly<Record<string, string>>): Promise<void> {
    await Promise.all(
      devices.map(({ client, until }) => until('loss of the server', () => client.getSyncState() === SyncState.Reconnecting)),
    )
    await server.restart(settings)
    for (const { client } of devices) client.retryImmediately()
    await Promise.all(
      devices.map(({ client, until }) => until('return of the server', () => client.getSyncState() === SyncState.Syncing)),
    )
  }

  const reads = (device: Device, text: string) => device.until(text, () => device.texts(roomId).includes(text))

  const write = ({ client }: Device, texts: readonly string[]) => texts.map((text) => client.sendTextMessage(roomId, text))

  /** What failed is sent again in its order, as a person does who sees the red mark. */
  async function sendAgain({ client, room }: Device): Promise<void> {
    const here = await room(roomId)
    for (const event of [...here.getPendingEvents()]) await client.resendEvent(event, here)
  }

  /** The picture as this device downloads and decrypts it. */
  async function receivedPicture(device: Device): Promise<Buffer> {
    const message = await device.until('picture', () =>
      device.messages(roomId).find((event) => event.getContent().msgtype === MsgType.Image),
    )
    const { file } = message.getContent<{ file: EncryptedFile }>()
    const response = await fetch(mediaUrl(device, file.url), {
      headers: { authorization: `Bearer ${device.client.getAccessToken()}` },
    })
    expect(response.status).toBe(200)
    return Buffer.from(decryptAttachment(new Uint8Array(await response.arrayBuffer()), file))
  }
})

/** What interactive authentication asks for when a request comes without it. */
async function asked(request: Promise<unknown>): Promise<{ flows: unknown; session: string }> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof MatrixError) || error.httpStatus !== 401) throw new Error(`not asked, but: ${error}`)
  const { flows, session } = error.data as { flows?: unknown; session?: string }
  return { flows, session: session ?? '' }
}

function mediaUrl({ client }: Device, url: string): string {
  return client.mxcUrlToHttp(url, undefined, undefined, undefined, false, true, true) ?? ''
}

function trust({ crypto }: Device, { userId, deviceId }: Device) {
  return crypto.getDeviceVerificationStatus(userId, deviceId)
}

/** Whether `device` is the only one of its owner that `viewer` knows. */
async function knowsOnly(viewer: Device, device: Device): Promise<boolean> {
  const known = await viewer.crypto.getUserDeviceInfo([device.userId])
  return isDeepStrictEqual([...(known.get(device.userId)?.keys() ?? [])], [device.deviceId])
}

/** The emoji that a device shows, and the button to confirm them. */
function emojiOf(verifier: Verifier): Promise<ShowSasCallbacks> {
  return new Promise((resolve) => verifier.once(VerifierEvent.ShowSas, resolve))
}

function phase(request: VerificationRequest, wanted: VerificationPhase): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (request.phase < wanted) return
      request.off(VerificationRequestEvent.Change, look)
      resolve()
    }
    request.on(VerificationRequestEvent.Change, look)
    look()
  })
}
