import type { ServerName } from '../matrix/identifiers.ts'
import type { KnownKey } from '../matrix/receipt.ts'
import { importVerifyKey, type Signer } from '../matrix/signatures.ts'

/** The keys with which this server signs and has signed. */
export interface OwnKeys {
  readonly serverName: ServerName
  find(keyId: string): KnownKey | undefined
}

export function ownKeys(signer: Signer): OwnKeys {
  return {
    serverName: signer.serverName,
    find(keyId) {
      if (keyId !== signer.keyId) return undefined
      const key = importVerifyKey(signer.publicKey)
      return 'problem' in key ? undefined : { key, validUntilTs: Number.MAX_SAFE_INTEGER }
    },
  }
}
