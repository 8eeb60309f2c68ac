import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeBase64, encodeBase64 } from '../matrix/base64.ts'
import type { Milliseconds } from '../platform/clock.ts'

/** What a signing key is made of. */
export interface KeySeed {
  /** The part of the key id behind `ed25519:`. */
  readonly version: string
  /** 32 bytes. */
  readonly seed: Uint8Array
}

/** A key with which this server signed once. */
export interface OldKey {
  /** `ed25519:VERSION`. */
  readonly keyId: string
  /** Unpadded base64. */
  readonly publicKey: string
  /** Milliseconds since the epoch. */
  readonly expired: Milliseconds
}

const signingKeyIn = (directory: string) => join(directory, 'signing.key')
const oldKeysIn = (directory: string) => join(directory, 'old-signing.keys')

/**
 * The signing key in `signing.key`: one line, `ed25519 VERSION SEED`, with the seed in unpadded base64, as other homeservers write
 * it. Undefined: there is no such file. Throws what is wrong with it.
 */
export function readSigningKey(directory: string): KeySeed | undefined {
  const file = signingKeyIn(directory)
  if (!existsSync(file)) return undefined
  const [, version, text = ''] = /^ed25519 ([A-Za-z0-9_]+) ([A-Za-z0-9+/]{43})\n?$/.exec(readFileSync(file, 'utf8')) ?? []
  const seed = decodeBase64(text)
  if (version === undefined || seed?.length !== 32)
    throw new Error(`${file} is no signing key (ed25519 VERSION SEED). Restore it from a backup.`)
  return { version, seed }
}

export function writeSigningKey(directory: string, { version, seed }: KeySeed): void {
  writeDurably(signingKeyIn(directory), `ed25519 ${version} ${encodeBase64(seed)}\n`)
}

/** The public keys in `old-signing.keys`, a line `ed25519 VERSION PUBLIC_KEY EXPIRED` for each. Throws what is wrong with the file. */
export function readOldKeys(directory: string): readonly OldKey[] {
  const file = oldKeysIn(directory)
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.flatMap((line, index) => {
    if (line === '') return []
    const [, version, publicKey, expired] = /^ed25519 ([A-Za-z0-9_]+) ([A-Za-z0-9+/]{43}) (\d{1,15})$/.exec(line) ?? []
    if (version === undefined || publicKey === undefined)
      throw new Error(`${file}, line ${index + 1}: not "ed25519 VERSION PUBLIC_KEY EXPIRED". Restore the file from a backup.`)
    return [{ keyId: `ed25519:${version}`, publicKey, expired: Number(expired) }]
  })
}

export function writeOldKeys(directory: string, keys: readonly OldKey[]): void {
  const lines = keys.map(({ keyId, publicKey, expired }) => `${keyId.replace(':', ' ')} ${publicKey} ${expired}\n`)
  writeDurably(oldKeysIn(directory), lines.join(''))
}

/** Whole or not at all, for its owner only, and on disk when this returns. */
function writeDurably(file: string, text: string): void {
  const unfinished = `${file}.new`
  // What a crash left keeps the rights that it has.
  rmSync(unfinished, { force: true })
  const descriptor = openSync(unfinished, 'wx', 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(unfinished, file)
  const directory = openSync(dirname(file), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
