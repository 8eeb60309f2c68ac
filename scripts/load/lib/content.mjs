// What the users of a scenario send. Everything follows from its index or seed, so that every server gets the same.

import { crc32, deflateSync } from 'node:zlib'

const sentence = 'The patient of the second appointment has arrived, the findings are in the folder.'

export const textMessage = (index) => ({ msgtype: 'm.text', body: `${index} ${sentence}` })

const noise = randomSource(1)
const letters = Array.from(
  { length: 900 },
  () => 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/'[Math.floor(noise() * 64)],
).join('')

/** About 1.2 KB of JSON that looks like an encrypted message. */
export const encryptedMessage = (index) => ({
  algorithm: 'm.megolm.v1.aes-sha2',
  sender_key: letters.slice(0, 43),
  device_id: letters.slice(43, 53),
  session_id: letters.slice(53, 96),
  ciphertext: `${index}${letters}`,
})

/** A repeatable source of numbers in [0, 1) (mulberry32). */
export function randomSource(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A PNG of random pixels: side × side × 3 bytes that do not compress. */
export function noisePng(side, random) {
  const row = 1 + side * 3
  const pixels = Buffer.alloc(side * row)
  for (let y = 0; y < side; y++) for (let x = 1; x < row; x++) pixels[y * row + x] = random() * 256
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type, data) {
  const framed = Buffer.alloc(data.length + 12)
  framed.writeUInt32BE(data.length, 0)
  framed.write(type, 4)
  data.copy(framed, 8)
  framed.writeUInt32BE(crc32(framed.subarray(4, data.length + 8)), data.length + 8)
  return framed
}
