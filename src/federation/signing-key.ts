import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { decodeBase64, encodeBase64 } from '../matrix/base64.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { createSigner, type Signer } from '../matrix/signatures.ts'
import { type Random, randomLetters } from '../platform/random.ts'

/**
 * The server's signing key, made at the first start. The file has one line, `ed25519 VERSION SEED`, with the seed of 32 bytes in
 * unpadded base64, as other homeservers write it. Without this key the server could never again speak under its name.
 */
export function loadSigningKey(directory: string, serverName: ServerName, random: Random): Signer {
  const file = join(directory, 'signing.key')
  if (!existsSync(file)) create(file, random)
  const match = /^ed25519 ([A-Za-z0-9_]+) ([A-Za-z0-9+/]{43})\n?$/.exec(readFileSync(file, 'utf8'))
  const seed = match?.[2] === undefined ? undefined : decodeBase64(match[2])
  if (!match || seed?.length !== 32)
    throw new Error(`${file} is no signing key (ed25519 VERSION SEED). Restore it from a backup.`)
  return createSigner({ serverName, keyId: `ed25519:${match[1]}`, seed })
}

/** Whole or not at all, and on disk before anything is signed with it. */
function create(file: string, random: Random): void {
  const text = `ed25519 a_${randomLetters(random, 6)} ${encodeBase64(random.bytes(32))}\n`
  const unfinished = `${file}.new`
  const descriptor = openSync(unfinished, 'w', 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(unfinished, file)
}
