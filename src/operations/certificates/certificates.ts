import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import type { Outside } from '../../federation/outside.ts'
import { type ListenAddress, type Listener, listen } from '../../http/listener.ts'
import type { Clock, Milliseconds } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { writeFileDurably } from '../durable-file.ts'
import type { Job } from '../jobs.ts'
import type { AuthorityOptions, Authorization, Client, Order } from './authority.ts'
import { type CertificateFacts, certificateFiles, factsOf, isDue, readCertificate } from './state.ts'

/** For which names a certificate is wanted, and how the authority is shown that they are this server's. */
export interface CertificateRequest {
  /** DNS names; the first is the main one. */
  readonly names: readonly string[]
  /** `http`: the authority asks this server on port 80. `dns`: somebody puts records into the DNS, anew for each renewal. */
  readonly proof: 'http' | 'dns'
  /** `https:` address of the authority's directory. */
  readonly directory: string
  /** Whom the authority warns. */
  readonly email?: string
}

/** A record that has to be in the DNS. */
export interface TxtRecord {
  readonly name: string
  readonly value: string
}

export interface CertificatesDeps {
  /** The data directory. */
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
  /** Undefined: this server has no way out. */
  readonly exchange: Outside['exchange'] | undefined
  /** Where the authority's question arrives: port 80 of the public name. */
  readonly listen: ListenAddress
  readonly patience?: AuthorityOptions['patience']
  /** A certificate that somebody else looks after; its file. */
  readonly givenFile: string | undefined
}

export interface Certificates {
  /** The certificate in use; undefined: there is none. */
  current(): CertificateFacts | undefined
  request(): CertificateRequest | undefined
  /** Asks for a certificate with proof by HTTP and keeps the request, so that it is renewed by itself. Rejects with a `CertificateProblem`. */
  obtain(request: Omit<CertificateRequest, 'proof'>): Promise<CertificateFacts>
  /** Begins an order with proof by DNS; resolves with the records that are needed before `finishDns`. */
  beginDns(request: Omit<CertificateRequest, 'proof'>): Promise<readonly TxtRecord[]>
  /** Records of an order that waits; undefined: none does. */
  waitingRecords(): readonly TxtRecord[] | undefined
  /** Once the records can be seen from outside. */
  finishDns(): Promise<CertificateFacts>
  readonly jobs: readonly Job[]
}

/** Why there is no certificate, as the authority says it. */
export class CertificateProblem extends Error {
  override readonly name = 'CertificateProblem'
}

/** Let's Encrypt. */
export const usualDirectory = 'https://acme-v02.api.letsencrypt.org/directory'
const challengePath = '/.well-known/acme-challenge/'
const maxNames = 20

/** With one authority. */
interface Account {
  readonly directory: string
  readonly url: string
}

interface WaitingOrder {
  readonly request: CertificateRequest
  readonly url: string
  readonly records: readonly TxtRecord[]
}

/** Certificates by ACME (RFC 8555), for the files that the TLS listener reads. */
export function createCertificates(deps: CertificatesDeps): Certificates {
  const { clock, log, directory } = deps
  const files = certificateFiles(directory)
  const current = () => readCertificate(deps.givenFile ?? files.certificate)
  const request = () => readJson<CertificateRequest>(files.request)
  let busy = false

  async function alone<Result>(action: () => Promise<Result>): Promise<Result> {
    if (busy) throw new CertificateProblem('A certificate is being asked for at the moment.')
    busy = true
    try {
      mkdirSync(files.directory, { recursive: true, mode: 0o700 })
      return await action()
    } catch (error) {
      throw error instanceof CertificateProblem ? error : new CertificateProblem(explain(error))
    } finally {
      busy = false
    }
  }

  async function authority(url: string): Promise<Client> {
    if (!deps.exchange) throw new CertificateProblem('This server has no way to others: federation is off.')
    // Only here: the library and what it brings along are needed for minutes in a year.
    const { createAuthority, crypto } = await import('./authority.ts')
    if (!existsSync(files.accountKey)) writeFileDurably(files.accountKey, await crypto.createPrivateEcdsaKey())
    const accountKey = readFileSync(files.accountKey, 'utf8')
    const account = readJson<Account>(files.account)
    const accountUrl = account?.directory === url ? { accountUrl: account.url } : {}
    return createAuthority({ exchange: deps.exchange, directory: url, accountKey, patience: deps.patience, ...accountUrl })
  }

  async function order(client: Client, wish: CertificateRequest): Promise<Order> {
    if (readJson<Account>(files.account)?.directory !== wish.directory) {
      const contact = wish.email === undefined ? {} : { contact: [`mailto:${wish.email}`] }
      await client.createAccount({ termsOfServiceAgreed: true, ...contact })
      const account: Account = { directory: wish.directory, url: client.getAccountUrl() }
      writeFileDurably(files.account, JSON.stringify(account))
    }
    return client.createOrder({ identifiers: wish.names.map((value) => ({ type: 'dns', value })) })
  }

  /** Ends an order whose proofs are given, and keeps what it brings. */
  async function finish(client: Client, placed: Order, wish: CertificateRequest): Promise<CertificateFacts> {
    const { crypto } = await import('./authority.ts')
    const key = existsSync(files.key) ? readFileSync(files.key) : await crypto.createPrivateEcdsaKey()
    const [, csr] = await crypto.createCsr({ commonName: wish.names[0] ?? '', altNames: [...wish.names] }, key)
    const chain = await client.getCertificate(await client.finalizeOrder(placed, csr))
    const facts = factsOf(chain)
    if (!existsSync(files.key)) writeFileDurably(files.key, key)
    writeFileDurably(files.certificate, chain)
    writeFileDurably(files.request, JSON.stringify(wish))
    log.info({ names: facts.names, notAfter: facts.notAfter }, 'a certificate was obtained')
    return facts
  }

  async function obtain(wish: CertificateRequest): Promise<CertificateFacts> {
    checkRequest(wish)
    const client = await authority(wish.directory)
    const answers = new Map<string, string>()
    const listener = await listenForQuestions(deps.listen, answers)
    try {
      const placed = await order(client, wish)
      await prove(client, placed, 'http-01', async (token, text) => void answers.set(token, text))
      return await finish(client, placed, wish)
    } finally {
      await listener.close(1000)
    }
  }

  async function beginDns(wish: CertificateRequest): Promise<readonly TxtRecord[]> {
    checkRequest(wish)
    const client = await authority(wish.directory)
    const placed = await order(client, wish)
    const records: TxtRecord[] = []
    for (const authorization of await client.getAuthorizations(placed)) {
      if (authorization.status === 'valid') continue
      const value = await client.getChallengeKeyAuthorization(challengeOf(authorization, 'dns-01'))
      records.push({ name: `_acme-challenge.${authorization.identifier.value}`, value })
    }
    writeFileDurably(files.order, JSON.stringify({ request: wish, url: placed.url, records } satisfies WaitingOrder))
    return records
  }

  async function finishDns(): Promise<CertificateFacts> {
    const waiting = readJson<WaitingOrder>(files.order)
    if (!waiting) throw new CertificateProblem('No order waits for records in the DNS.')
    const client = await authority(waiting.request.directory)
    try {
      const placed = await client.getOrder({ url: waiting.url } as Order)
      await prove(client, placed, 'dns-01', async () => undefined)
      return await finish(client, placed, waiting.request)
    } finally {
      // Whatever came of it: a proof that failed needs a new order, with new records.
      rmSync(files.order, { force: true })
    }
  }

  return {
    current,
    request,
    obtain: (wish) => alone(() => obtain({ ...wish, proof: 'http' })),
    beginDns: (wish) => alone(() => beginDns({ ...wish, proof: 'dns' })),
    waitingRecords: () => readJson<WaitingOrder>(files.order)?.records,
    finishDns: () => alone(finishDns),
    jobs: [
      {
        name: 'certificate',
        when: '37 */6 * * *',
        atStart: true,
        due() {
          const wish = request()
          const facts = wish && current()
          return deps.givenFile === undefined && wish?.proof === 'http' && (!facts || isDue(facts, clock.now()))
        },
        async run() {
          const wish = request()
          if (wish?.proof !== 'http') throw new CertificateProblem('No certificate that renews itself was asked for.')
          return alone(() => obtain(wish))
        },
      },
    ],
  }
}

/** Gives the proofs that an order still needs, one after the other. */
async function prove(
  client: Client,
  order: Order,
  kind: 'http-01' | 'dns-01',
  prepare: (token: string, text: string) => Promise<void>,
): Promise<void> {
  for (const authorization of await client.getAuthorizations(order)) {
    if (authorization.status === 'valid') continue
    const challenge = challengeOf(authorization, kind)
    await prepare(challenge.token, await client.getChallengeKeyAuthorization(challenge))
    try {
      await client.completeChallenge(challenge)
      await client.waitForValidStatus(challenge)
    } catch (error) {
      throw new CertificateProblem(`${authorization.identifier.value}: ${explain(error)}`)
    }
  }
}

function challengeOf(
  authorization: Authorization,
  kind: 'http-01' | 'dns-01',
): Authorization['challenges'][number] & { token: string } {
  const found = authorization.challenges.find(({ type }) => type === kind)
  if (!found) throw new CertificateProblem(`The authority offers no proof by ${kind} for ${authorization.identifier.value}.`)
  return found as Authorization['challenges'][number] & { token: string }
}

/** Answers the authority, and nobody else anything. */
async function listenForQuestions(address: ListenAddress, answers: ReadonlyMap<string, string>): Promise<Listener> {
  const serve = (asked: Request): Response => {
    const { pathname } = new URL(asked.url)
    const text = pathname.startsWith(challengePath) ? answers.get(pathname.slice(challengePath.length)) : undefined
    return text === undefined
      ? new Response(null, { status: 404 })
      : new Response(text, { headers: { 'content-type': 'text/plain' } })
  }
  try {
    return await listen(serve, address, { connections: 64, request: 10_000, headers: 5000 })
  } catch (error) {
    throw new CertificateProblem(`Nothing can listen on ${address.host}:${address.port}: ${(error as Error).message}`)
  }
}

function checkRequest({ names, directory }: CertificateRequest): void {
  const name = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/
  const wrong = names.find((candidate) => !name.test(candidate))
  if (names.length === 0 || names.length > maxNames) throw new CertificateProblem(`From 1 to ${maxNames} names are possible.`)
  if (wrong !== undefined) throw new CertificateProblem(`"${wrong}" is no name that a certificate can be for.`)
  if (!URL.canParse(directory) || new URL(directory).protocol !== 'https:')
    throw new CertificateProblem('The authority must be an https: address.')
}

/** What the authority said, without the library's names for things. */
function explain(error: unknown): string {
  const { message, response } = error as { message?: string; response?: { data?: { detail?: unknown } } }
  const detail = response?.data?.detail
  return typeof detail === 'string' ? detail.slice(0, 500) : (message ?? String(error)).slice(0, 500)
}

function readJson<Value>(file: string): Value | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Value) : undefined
}

/** How long a certificate still lasts; negative: it has run out. */
export function daysLeft({ notAfter }: CertificateFacts, now: Milliseconds): number {
  return Math.floor((notAfter - now) / 86_400_000)
}
