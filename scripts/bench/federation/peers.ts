import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request as httpsRequest, type Server } from 'node:https'
import { authorizationFor } from '../../../src/federation/request-auth.ts'
import type { ServerName } from '../../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { createSigner, type Signer } from '../../../src/matrix/signatures.ts'
import { freePort } from '../programs.ts'
import type { Authority } from './authority.ts'

/** Answers a request of the measured server; undefined: 404. */
type Answer = (path: string, body: string) => string | undefined

/** Homeservers of which only what a measurement needs exists: keys, TLS, rooms that they serve, and a place where transactions arrive. */
export interface Peers {
  readonly signers: readonly Signer[]
  /** Who speaks for all. */
  readonly first: Signer
  serve(answer: Answer): void
  /** Names of servers that a transaction with events came to, and when (`performance.now()`), since the last call. */
  arrivals(): Map<string, number>
  /** A signed request of the first to a server; its answer, which must be 200. */
  ask(
    to: { name: string; address: string; port: number },
    method: 'GET' | 'PUT',
    target: string,
    content?: JsonObject,
  ): Promise<JsonObject>
  close(): Promise<void>
}

/** Servers that share a port and a certificate. */
const group = 50

/** `count` servers on addresses of the loopback, from `127.{net}.0.1` on. */
export async function startPeers(authority: Authority, count: number, net: number): Promise<Peers> {
  const signers: Signer[] = []
  const byName = new Map<string, Signer>()
  const servers: Server[] = []
  let arrivals = new Map<string, number>()
  let answer: Answer = () => undefined

  function respond(request: IncomingMessage, response: ServerResponse, body: string): void {
    const path = request.url ?? ''
    const signer = byName.get(request.headers.host ?? '')
    const text = path.startsWith('/_matrix/key/v2/server') && signer ? keysOf(signer) : textFor(request, path, body)
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(text ?? '{"errcode":"M_NOT_FOUND","error":"not here"}')
  }

  function textFor(request: IncomingMessage, path: string, body: string): string | undefined {
    if (!path.startsWith('/_matrix/federation/v1/send/')) return answer(path, body)
    if (!body.includes('"pdus":[]')) arrivals.set(request.headers.host ?? '', performance.now())
    return '{"pdus":{}}'
  }

  for (let start = 0; start < count; start += group) {
    const addresses = Array.from({ length: Math.min(group, count - start) }, (_, index) => {
      const number = start + index
      return `127.${net}.${number >> 7}.${(number & 127) + 1}`
    })
    const server = createServer(authority.issue(addresses), (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => respond(request, response, Buffer.concat(chunks).toString()))
    })
    const port = await freePort()
    await new Promise<void>((done) => server.listen(port, '0.0.0.0', done))
    servers.push(server)
    for (const address of addresses) {
      const serverName = `${address}:${port}` as ServerName
      const signer = createSigner({ serverName, keyId: 'ed25519:1', seed: createHash('sha256').update(serverName).digest() })
      signers.push(signer)
      byName.set(serverName, signer)
    }
  }
  const [first] = signers
  if (!first) throw new Error('no servers')
  // The measured servers have certificates of different authorities.
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 1 })

  return {
    signers,
    first,
    serve: (newAnswer) => (answer = newAnswer),
    arrivals() {
      const arrived = arrivals
      arrivals = new Map()
      return arrived
    },
    ask(to, method, target, content) {
      const authorization = authorizationFor(first, { method, target, destination: to.name as ServerName, content })
      const headers = { host: to.name, authorization, 'content-type': 'application/json' }
      return new Promise((done, failed) => {
        const options = { host: to.address, port: to.port, method, path: target, headers, agent }
        const request = httpsRequest(options, (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            if (response.statusCode === 200) done(JSON.parse(text) as JsonObject)
            else failed(new Error(`${method} ${target}: ${response.statusCode} ${text}`))
          })
        })
        request.once('error', failed)
        request.end(content && JSON.stringify(content))
      })
    },
    async close() {
      agent.destroy()
      for (const server of servers) server.closeAllConnections()
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
    },
  }
}

function keysOf(signer: Signer): string {
  const { serverName, keyId, publicKey } = signer
  const keys = { server_name: serverName, verify_keys: { [keyId]: { key: publicKey } }, old_verify_keys: {} }
  return JSON.stringify(signer.signJson({ ...keys, valid_until_ts: Date.now() + 24 * 3_600_000 }))
}
