import { isIP } from 'node:net'
import acme, { Client, crypto } from 'acme-client'
import type { Outside } from '../../federation/outside.ts'
import type { Milliseconds } from '../../platform/clock.ts'

export type { Authorization, Client, Order } from 'acme-client'
export { crypto }

const limits = { connect: 10_000, headers: 30_000, total: 45_000, bytes: 1024 * 1024 }

export interface AuthorityOptions {
  /** The one way out of this process. */
  readonly exchange: Outside['exchange']
  /** `https:` address of the authority's directory (RFC 8555, section 7.1.1). */
  readonly directory: string
  /** PEM. */
  readonly accountKey: string
  /** Undefined: there is no account yet. */
  readonly accountUrl?: string
  /** How long to wait between looks whether the authority is done, at least and at most. */
  readonly patience?: { readonly least: Milliseconds; readonly most: Milliseconds } | undefined
}

/** Speaks with a certificate authority, through the same door as everything that leaves this process. */
export function createAuthority({ exchange, directory, accountKey, accountUrl, patience }: AuthorityOptions): Client {
  acme.axios.defaults.adapter = async (config) => {
    const url = new URL(config.url ?? '')
    if (url.protocol !== 'https:') throw new Error(`${url.protocol} is no way to ask, only https:`)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const post = config.method?.toUpperCase() === 'POST'
    const given = Object.entries(config.headers.toJSON()).map(([name, value]) => [name.toLowerCase(), String(value)] as const)
    const { 'content-length': _, ...headers } = Object.fromEntries(given)
    const answer = await exchange({
      // Where the protocol has HEAD, GET does the same (RFC 8555, section 7.2).
      method: post ? 'POST' : 'GET',
      host,
      port: url.port === '' ? 443 : Number(url.port),
      tlsName: isIP(host) === 0 ? host : undefined,
      target: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host },
      ...(post && { body: typeof config.data === 'string' ? config.data : JSON.stringify(config.data) }),
      limits,
    })
    if ('problem' in answer) throw new Error(answer.problem)
    const { status, headers: received, body } = answer
    return { status, statusText: '', headers: received, data: body.toString('utf8'), config }
  }
  return new Client({
    directoryUrl: directory,
    accountKey,
    ...(accountUrl !== undefined && { accountUrl }),
    backoffMin: patience?.least ?? 3000,
    backoffMax: patience?.most ?? 30_000,
  })
}
