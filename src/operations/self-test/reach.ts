import { isIP } from 'node:net'
import type { Incoming, Unanswered } from '../../federation/network.ts'
import type { Outside } from '../../federation/outside.ts'
import { parseServerName, type ServerName, splitServerName } from '../../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../../matrix/json.ts'
import type { CheckResult } from './result.ts'

/** Source: server-server API, where there is neither `.well-known` nor a record. */
const defaultPort = 8448
const limits = { connect: 8000, headers: 10_000, total: 15_000, bytes: 256 * 1024 }

/** `.well-known` for other servers; none is as good where the name itself leads here, or a record in the DNS. */
export async function checkWellKnownServer(outside: Outside, serverName: ServerName): Promise<CheckResult> {
  if (!needsQuestions(serverName)) return { id: 'well-known-server', state: 'ok', facts: { reason: 'not-used' } }
  const answer = await outside.get(wellKnownOf(serverName), 5, limits)
  const target = jsonIn(answer)?.['m.server']
  if (typeof target === 'string') return { id: 'well-known-server', state: 'ok', facts: { server: target } }
  return { id: 'well-known-server', state: 'ok', facts: { ...factsOf(answer), reason: 'absent' } }
}

export async function checkServices(outside: Outside, serverName: ServerName): Promise<CheckResult> {
  if (!needsQuestions(serverName)) return { id: 'srv', state: 'ok', facts: { reason: 'not-used' } }
  const targets = (await servicesOf(outside, serverName)).flat().map(({ host, port }) => `${host.replace(/\.$/, '')}:${port}`)
  // A target of "." says that there is no such service (RFC 2782).
  if (targets.some((target) => target.startsWith(':'))) return { id: 'srv', state: 'fail', facts: { reason: 'nowhere', targets } }
  return { id: 'srv', state: 'ok', facts: { targets } }
}

/** Whether what other servers find under this server's name is this server. */
export async function checkFederation(outside: Outside, serverName: ServerName, keyId: string): Promise<CheckResult> {
  const { host, port, hostHeader, tlsName } = await placeOf(outside, serverName)
  const target = '/_matrix/key/v2/server'
  const headers = { host: hostHeader, accept: 'application/json' }
  const answer = await outside.exchange({ method: 'GET', host, port, tlsName, target, headers, limits })
  const facts = { place: `${host}:${port}` }
  const keys = jsonIn(answer)
  if (isObject(keys?.verify_keys) && keys.server_name === serverName) {
    const own = Object.hasOwn(keys.verify_keys, keyId)
    return { id: 'federation', state: own ? 'ok' : 'fail', facts: own ? facts : { ...facts, reason: 'other-key' } }
  }
  const found = trouble(answer)
  return { id: 'federation', state: found.state, facts: { ...facts, ...found.facts } }
}

/** Where other servers look for this one, asked anew: what was found before may have been put right since. Source: "Resolving server names". */
async function placeOf(outside: Outside, serverName: ServerName) {
  const delegated = jsonIn(await outside.get(wellKnownOf(serverName), 5, limits))?.['m.server']
  const direct = !needsQuestions(serverName)
  const name = direct ? serverName : (parseServerName(delegated) ?? serverName)
  const { host, port, kind } = splitServerName(name)
  const plain = host.replace(/^\[|\]$/g, '')
  const tlsName = kind === 'dns' ? host : undefined
  if (!needsQuestions(name)) return { host: plain, port: port ?? defaultPort, hostHeader: name, tlsName }
  const [first] = (await servicesOf(outside, host)).flat()
  const place = first === undefined ? { host, port: defaultPort } : { host: first.host.replace(/\.$/, ''), port: first.port }
  return { ...place, hostHeader: host, tlsName }
}

const wellKnownOf = (serverName: ServerName) => `https://${splitServerName(serverName).host}/.well-known/matrix/server`

/** Addresses, and names with a port, say themselves where the server is. */
function needsQuestions(serverName: ServerName): boolean {
  const { kind, port } = splitServerName(serverName)
  return kind === 'dns' && port === undefined
}

function servicesOf(outside: Outside, host: string) {
  return Promise.all(['_matrix-fed', '_matrix'].map((service) => outside.services(`${service}._tcp.${host}`)))
}

/** Whether clients find this server under its public address, in a browser too. */
export async function checkClient(outside: Outside, publicUrl: string): Promise<CheckResult> {
  if (!publicUrl.startsWith('https:'))
    return { id: 'client', state: 'warn', facts: { reason: 'not-encrypted', address: publicUrl } }
  const answer = await outside.get(`${publicUrl}/_matrix/client/versions`, 0, limits)
  const facts = { address: publicUrl }
  if (!Array.isArray(jsonIn(answer)?.versions)) {
    const found = trouble(answer)
    return { id: 'client', state: found.state, facts: { ...facts, ...found.facts } }
  }
  if (!allowsAll(answer)) return { id: 'client', state: 'fail', facts: { ...facts, reason: 'no-cors' } }
  return { id: 'client', state: 'ok', facts }
}

/** `.well-known` for clients: how an app finds the server from somebody's user id. */
export async function checkWellKnownClient(outside: Outside, serverName: ServerName, publicUrl: string): Promise<CheckResult> {
  const { host } = splitServerName(serverName)
  const answer = await outside.get(`https://${host}/.well-known/matrix/client`, 5, limits)
  const server = jsonIn(answer)?.['m.homeserver']
  const url = isObject(server) ? server.base_url : undefined
  const facts = { expected: publicUrl }
  if (typeof url !== 'string') {
    const found = trouble(answer)
    return { id: 'well-known-client', state: found.state, facts: { ...facts, ...found.facts } }
  }
  if (url.replace(/\/$/, '') !== publicUrl)
    return { id: 'well-known-client', state: 'fail', facts: { ...facts, reason: 'other-server', url } }
  if (!allowsAll(answer)) return { id: 'well-known-client', state: 'fail', facts: { ...facts, reason: 'no-cors' } }
  return { id: 'well-known-client', state: 'ok', facts: { ...facts, url } }
}

/** Whether the servers that wake people's phones can be reached; whatever they answer. */
export async function checkPushGateways(outside: Outside, urls: readonly string[]): Promise<CheckResult> {
  const hosts = [...new Set(urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).host))].slice(0, 20)
  const answers = await Promise.all(hosts.map((host) => ask(outside, host)))
  const silent = hosts.filter((_, index) => answers[index] === false)
  const state = silent.length === 0 ? 'ok' : silent.length < hosts.length ? 'warn' : 'fail'
  return { id: 'push-gateways', state, facts: { hosts, silent, ...(state !== 'ok' && { reason: 'silent' }) } }
}

async function ask(outside: Outside, host: string): Promise<boolean> {
  const url = new URL(`https://${host}/_matrix/push/v1/notify`)
  const name = url.hostname.replace(/^\[|\]$/g, '')
  const answer = await outside.exchange({
    method: 'GET',
    host: name,
    port: url.port === '' ? 443 : Number(url.port),
    tlsName: isIP(name) === 0 ? name : undefined,
    target: url.pathname,
    headers: { host: url.host },
    limits,
  })
  return !('problem' in answer)
}

function jsonIn(answer: Incoming | Unanswered): JsonObject | undefined {
  if ('problem' in answer || answer.status !== 200) return undefined
  try {
    const value: unknown = JSON.parse(answer.body.toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    // A page of somebody else.
    return undefined
  }
}

const allowsAll = (answer: Incoming | Unanswered) => 'headers' in answer && answer.headers['access-control-allow-origin'] === '*'

function factsOf(answer: Incoming | Unanswered): Record<string, string | number> {
  return 'problem' in answer ? { problem: answer.problem.slice(0, 300) } : { status: answer.status }
}

/** What kind of trouble it is that an answer is not what it should be. */
function trouble(answer: Incoming | Unanswered): Pick<CheckResult, 'state' | 'facts'> {
  if (!('problem' in answer)) return { state: 'fail', facts: { ...factsOf(answer), reason: 'something-else' } }
  const { problem } = answer
  // From inside it cannot be told what the world sees.
  if (/internal address/.test(problem)) return { state: 'warn', facts: { ...factsOf(answer), reason: 'internal' } }
  if (/certificate|altnames|self.signed/i.test(problem))
    return { state: 'fail', facts: { ...factsOf(answer), reason: 'certificate' } }
  if (/no such name|ENOTFOUND/.test(problem)) return { state: 'fail', facts: { ...factsOf(answer), reason: 'no-name' } }
  if (/ECONNREFUSED/.test(problem)) return { state: 'fail', facts: { ...factsOf(answer), reason: 'closed' } }
  return { state: 'fail', facts: { ...factsOf(answer), reason: 'no-answer' } }
}
