import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parsed, type User } from '../../load/lib/matrix.mjs'
import { createTarget } from '../../load/lib/target.mjs'
import { freePort } from '../programs.ts'
import { createHausbote, createSynapse, type MeasuredServer } from '../servers.ts'
import type { Authority } from './authority.ts'
import type { GeneratedRoom } from './generated-room.ts'
import type { Peers } from './peers.ts'

/** A measured server that other servers reach over TLS. */
export interface Federating {
  readonly server: MeasuredServer
  readonly place: { readonly name: string; readonly address: string; readonly port: number }
}

export async function federatingHausbote(directory: string, authority: Authority, address: string): Promise<Federating> {
  const port = await freePort()
  const name = `${address}:${port}`
  const { certFile, keyFile } = authority.issue([address])
  const server = await createHausbote(directory, undefined, {
    HAUSBOTE_SERVER_NAME: name,
    HAUSBOTE_FEDERATION_LISTEN: name,
    HAUSBOTE_TLS_CERTIFICATE: certFile,
    HAUSBOTE_TLS_KEY: keyFile,
    HAUSBOTE_EXTRA_CA: authority.caFile,
    HAUSBOTE_ALLOW_ADDRESSES: '127.0.0.0/8',
  })
  return { server, place: { name, address, port } }
}

/** Undefined where the tool that starts Synapse is not there. */
export async function federatingSynapse(
  directory: string,
  authority: Authority,
  address: string,
): Promise<Federating | undefined> {
  const federationPort = await freePort()
  // Its own certificate comes from the tool that starts it.
  const settings = { federation_custom_ca_list: [authority.caFile] }
  const server = await createSynapse(directory, { address, federationPort, settings })
  return server && { server, place: { name: `${address}:${federationPort}`, address, port: federationPort } }
}

let runs = 0

/** People of the measured server. */
export function people({ server }: Federating, count: number): Promise<User[]> {
  runs += 1
  return createTarget({ name: server.name, url: server.url, register: server.register }, `f${Date.now()}-${runs}`).users(count)
}

/** Joins a generated room through the server that made it; milliseconds. */
export async function joinGenerated(user: User, peers: Peers, room: GeneratedRoom): Promise<number> {
  peers.serve(room.answer)
  const via = encodeURIComponent(peers.first.serverName)
  const began = performance.now()
  const path = `/_matrix/client/v3/join/${encodeURIComponent(room.roomId)}?via=${via}&server_name=${via}`
  parsed(await user.call('POST', path, {}, { timeout: 1_200_000 }))
  return performance.now() - began
}

/** Most that the process has held at once (resident) since `forgetPeak`; bytes. */
export function peakBytes(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(join('/proc', String(pid), 'status'), 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

export function forgetPeak(pid: number): void {
  writeFileSync(join('/proc', String(pid), 'clear_refs'), '5')
}
