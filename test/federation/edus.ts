import { expect } from 'vitest'
import { readSigningKey } from '../../src/federation/key-files.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createSigner, type Signer } from '../../src/matrix/signatures.ts'
import type { TestServer } from '../support/world.ts'
import { askAs } from './kit.ts'

export interface TestEdu {
  readonly edu_type: string
  readonly content: JsonObject
}

let transaction = 0

/** The key of a server of the world, for a test that lies in its name. */
export function signerOfServer(server: TestServer): Signer {
  const key = readSigningKey(server.directory)
  if (!key) throw new Error(`${server.name} has no signing key`)
  return createSigner({ serverName: server.name as ServerName, keyId: `ed25519:${key.version}`, seed: key.seed })
}

/** Sends EDUs in the name of a server, a hundred in each transaction. */
export async function sendEdus(from: Signer, to: TestServer, edus: readonly TestEdu[]): Promise<void> {
  for (let first = 0; first < edus.length; first += 100) {
    transaction += 1
    const content = {
      origin: from.serverName,
      origin_server_ts: 0,
      pdus: [],
      edus: edus.slice(first, first + 100) as unknown as JsonObject[],
    }
    const { status, body } = await askAs(from, to, 'PUT', `/_matrix/federation/v1/send/edus${transaction}`, content)
    expect(status, JSON.stringify(body)).toBe(200)
  }
}
