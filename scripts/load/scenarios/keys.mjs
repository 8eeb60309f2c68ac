// End-to-end encryption's traffic: upload one-time keys, ask for the devices of many users, claim a key of each.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { parsed } from '../lib/matrix.mjs'
import { closedLoop } from '../lib/measure.mjs'

export const parameters = { devices: 100, oneTimeKeys: 50, lanes: 8, queries: 200, claims: 20, seconds: 15 }
export const quick = { devices: 10, queries: 10, claims: 5, seconds: 3 }

const path = '/_matrix/client/v3/keys'

export async function* run({ target, round, parameters: { devices, oneTimeKeys, lanes, queries, claims, seconds } }) {
  const users = await target.users(devices)
  const signers = await target.once('keys', async () => users.map(createDevice))
  const uploads = signers.map((signer) => ({
    device_keys: signer.deviceKeys,
    one_time_keys: Object.fromEntries(Array.from({ length: oneTimeKeys }, () => signer.oneTimeKey(`r${round}`))),
  }))
  yield await closedLoop(target, `keys: upload of ${oneTimeKeys}`, {
    lanes,
    count: devices,
    seconds,
    work: (_, index) => users[index].call('POST', `${path}/upload`, uploads[index]),
  })

  const everybody = Object.fromEntries(users.map((user) => [user.userId, []]))
  let missing = 0
  const queried = await closedLoop(target, `keys: query of ${devices} devices`, {
    lanes,
    count: queries,
    seconds,
    async work(lane, index) {
      const answer = await users[lane].call('POST', `${path}/query`, { device_keys: everybody })
      if (index === 0) missing = devices - Object.values(parsed(answer).device_keys).flatMap(Object.keys).length
      return answer
    },
  })
  yield { ...queried, lost: Math.max(0, missing) }

  const oneOfEach = Object.fromEntries(users.map((user) => [user.userId, { [user.deviceId]: 'signed_curve25519' }]))
  const handedOut = []
  let answers = 0
  const result = await closedLoop(target, `keys: claim from ${devices} devices`, {
    lanes,
    count: Math.min(claims, oneTimeKeys),
    seconds,
    async work(lane) {
      const answer = await users[lane].call('POST', `${path}/claim`, { one_time_keys: oneOfEach })
      for (const [userId, ofUser] of Object.entries(parsed(answer).one_time_keys)) {
        for (const keys of Object.values(ofUser)) for (const { key } of Object.values(keys)) handedOut.push(`${userId} ${key}`)
      }
      answers++
      return answer
    },
  })
  const twice = handedOut.length - new Set(handedOut).size
  yield { ...result, twice, lost: answers * devices - handedOut.length + twice }
}

/** A device with real, signed keys. */
function createDevice({ userId, deviceId }) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const base64 = (buffer) => buffer.toString('base64').replace(/=+$/, '')
  const signed = (object) => ({
    ...object,
    signatures: { [userId]: { [`ed25519:${deviceId}`]: base64(sign(null, Buffer.from(canonicalJson(object)), privateKey)) } },
  })
  return {
    deviceKeys: signed({
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: {
        [`curve25519:${deviceId}`]: base64(randomBytes(32)),
        [`ed25519:${deviceId}`]: base64(Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url')),
      },
    }),
    /** One entry of `one_time_keys`; the prefix keeps the ids of different rounds apart. */
    oneTimeKey: (prefix) => [
      `signed_curve25519:${prefix}${randomBytes(6).toString('hex')}`,
      signed({ key: base64(randomBytes(32)) }),
    ],
  }
}

/** Canonical JSON of the plain objects above: keys sorted, no spaces. */
function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson)}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`)}}`
}
