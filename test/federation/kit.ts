import { authorizationFor } from '../../src/federation/request-auth.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createSigner, type Signer } from '../../src/matrix/signatures.ts'
import { seededRandom } from '../support/random.ts'
import type { TestResponse, TestServer, World } from '../support/world.ts'

/** Another server, of which only the keys exist. */
export interface Peer {
  readonly signer: Signer
  /** From now on it answers this to those who ask for its keys. */
  publish(keys: JsonObject | string): void
}

export const day = 24 * 3_600_000

/** Publishes its key as it should, until told otherwise. */
export function createPeer(world: World, name: string): Peer {
  const signer = signerOf(name)
  let published: (() => JsonObject | string) | undefined
  world.network.host(name, (request) => {
    if (new URL(request.url).pathname !== '/_matrix/key/v2/server') return new Response(null, { status: 404 })
    const keys = published?.() ?? signer.signJson(keysOf(signer, world.clock.now() + day))
    return typeof keys === 'string' ? new Response(keys) : Response.json(keys)
  })
  return {
    signer,
    publish(keys) {
      published = () => keys
    },
  }
}

/** A signed request to a server of the world. */
export function askAs(
  signer: Signer,
  server: TestServer,
  method: 'GET' | 'PUT' | 'POST',
  target: string,
  content?: JsonObject,
): Promise<TestResponse> {
  const authorization = authorizationFor(signer, { method, target, destination: server.name as ServerName, content })
  return server.federation(method, target, content, { headers: { authorization } })
}

export function signerOf(name: string, keyId = 'ed25519:1'): Signer {
  return createSigner({ serverName: name as ServerName, keyId, seed: seededRandom(`key ${keyId} of ${name}`).bytes(32) })
}

/** What a server publishes, before it is signed. */
export function keysOf({ serverName, keyId, publicKey }: Signer, validUntil: number): JsonObject {
  return {
    server_name: serverName,
    verify_keys: { [keyId]: { key: publicKey } },
    old_verify_keys: {},
    valid_until_ts: validUntil,
  }
}

export const profileOf = (userId: string) => `/_matrix/federation/v1/query/profile?user_id=${encodeURIComponent(userId)}`
