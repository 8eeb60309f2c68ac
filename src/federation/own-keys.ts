import type { ServerName } from '../matrix/identifiers.ts'
import type { KnownKey } from '../matrix/receipt.ts'
import { createSigner, importVerifyKey, type Signer } from '../matrix/signatures.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import { type KeySeed, type OldKey, readOldKeys, readSigningKey, writeOldKeys, writeSigningKey } from './key-files.ts'

/** The keys with which this server signs and has signed. Without them it could never again speak under its name. */
export interface OwnKeys {
  readonly serverName: ServerName
  /** Signs with the newest key, also after a change. */
  readonly signer: Signer
  /** The newest first. */
  old(): readonly OldKey[]
  find(keyId: string): KnownKey | undefined
  /**
   * From now on another, new key signs. Cut off at any point, the server still has either the one or the other, and no event that
   * is signed with the one before becomes invalid. Throws what the file system says.
   */
  rotate(now: Milliseconds): { readonly keyId: string; readonly before: string }
}

/** The keys in a data directory; at the first start one is made. */
export function loadOwnKeys(directory: string, serverName: ServerName, random: Random): OwnKeys {
  let old = readOldKeys(directory)
  let signer = signerOf(serverName, readSigningKey(directory) ?? create(directory, old, random))
  // The change was cut off when the key to be replaced was on the list already.
  const retired = () => old.filter(({ keyId }) => keyId !== signer.keyId)
  return {
    serverName,
    signer: {
      serverName,
      get keyId() {
        return signer.keyId
      },
      get publicKey() {
        return signer.publicKey
      },
      signJson: (object, profile) => signer.signJson(object, profile),
      signEvent: (raw, version) => signer.signEvent(raw, version),
    },
    old: retired,
    find(keyId) {
      if (keyId === signer.keyId) return known(signer.publicKey, Number.MAX_SAFE_INTEGER)
      const key = retired().find((one) => one.keyId === keyId)
      return key && known(key.publicKey, key.expired)
    },
    rotate(now) {
      const { keyId: before, publicKey } = signer
      const all = [{ keyId: before, publicKey, expired: now }, ...retired()]
      // In this order: a key that is on the list and still signs does no harm, one that is nowhere would.
      writeOldKeys(directory, all)
      const next = signerOf(serverName, create(directory, all, random))
      old = all
      signer = next
      return { keyId: next.keyId, before }
    },
  }
}

function create(directory: string, old: readonly OldKey[], random: Random): KeySeed {
  let version: string
  do version = `a_${randomLetters(random, 6)}`
  while (old.some(({ keyId }) => keyId === `ed25519:${version}`))
  const key = { version, seed: random.bytes(32) }
  writeSigningKey(directory, key)
  return key
}

function signerOf(serverName: ServerName, { version, seed }: KeySeed): Signer {
  return createSigner({ serverName, keyId: `ed25519:${version}`, seed })
}

function known(publicKey: string, validUntilTs: Milliseconds): KnownKey | undefined {
  const key = importVerifyKey(publicKey)
  return 'problem' in key ? undefined : { key, validUntilTs }
}
