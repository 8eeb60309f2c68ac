import { createHash } from 'node:crypto'
import Type from 'typebox'
import { anyObject } from '../http/schemas.ts'
import { parseJson } from '../matrix/canonical-json.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonValue } from '../matrix/json.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Position, Reader, Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { BackOff } from './back-off.ts'
import type { FederationClient } from './client.ts'
import { destinationStates, noteFailure, noteSuccess } from './destinations.ts'
import {
  countWaiting,
  dropSent,
  type Edu,
  insertEdus,
  insertPdus,
  keepNewest,
  nextWaiting,
  type Waiting,
  waitingDestinations,
} from './outbox.ts'

export interface SenderDeps {
  readonly storage: Storage
  readonly client: FederationClient
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  readonly serverName: ServerName
  /** Shared with all other requests: who cannot be reached is not asked by anybody. */
  readonly unreachable: BackOff
}

/**
 * Sends what waits to the other servers, one transaction at a time to each, oldest first. Who cannot be reached is tried again later and
 * later (`delayAfter`); what waits for a server that is away for long shrinks to the newest event of each room, since the server fetches
 * the others when it is back. Messages to devices and changes of devices are never dropped. Source: server-server API, "Transactions".
 */
export interface Sender {
  /** Inside the change that causes it. `room`: a number that tells rooms apart. */
  enqueuePdu(tx: Writer, destinations: readonly ServerName[], position: Position, room: number): void
  enqueueEdu(tx: Writer, destinations: readonly ServerName[], edu: Edu): void
  /** What is worth nothing later, such as typing: kept in memory, and dropped where the server cannot be reached. */
  sendEphemeral(destinations: readonly ServerName[], edu: Edu & { readonly name: string }): void
  /** A server has been heard of: it can be reached. */
  heardFrom(server: ServerName): void
  /** Begins with what waits from before the start. `loadPdu`: the event at a position, as JSON text. */
  start(loadPdu: (reader: Reader, position: Position) => string | undefined): void
  /** Says something to servers that may not know that this one is back; they then send what they have. */
  greet(servers: readonly ServerName[]): Promise<void>
  /** Tries a server, or all, at once. */
  retry(server?: ServerName): void
  close(): void
}

const maxPdus = 50
const maxEdus = 100
/** Requests under way at once, whoever they go to. */
const parallel = 50
/** Events that wait for a server that is away before only the newest of each room do. */
const maxWaiting = 500
const limits = { connect: 10_000, headers: 60_000, total: 60_000 }
const taken = Type.Object({ pdus: Type.Optional(anyObject) })

export function createSender(deps: SenderDeps): Sender {
  const { storage, client, clock, timers, log, unreachable } = deps
  const { reader } = storage
  const ephemeral = new Map<ServerName, Map<string, Edu>>()
  const active = new Set<ServerName>()
  /** Something new came while a server was being sent to. */
  const again = new Set<ServerName>()
  const timed = new Map<ServerName, () => void>()
  const turns = createTurns(parallel)
  let load: ((reader: Reader, position: Position) => string | undefined) | undefined
  let closed = false

  function kick(server: ServerName): void {
    if (closed || !load) return
    if (active.has(server)) {
      again.add(server)
      return
    }
    const wait = unreachable.wait(server)
    if (wait > 0) {
      sleep(server, wait)
      return
    }
    active.add(server)
    drain(server)
      .catch((error: unknown) => log.error({ server, err: error }, 'sending to a server ended'))
      .finally(() => {
        active.delete(server)
        if (again.delete(server) || unreachable.wait(server) > 0) kick(server)
      })
  }

  function sleep(server: ServerName, wait: number): void {
    if (timed.has(server)) return
    timed.set(
      server,
      timers.after(wait, () => {
        timed.delete(server)
        kick(server)
      }),
    )
  }

  async function drain(server: ServerName): Promise<void> {
    while (!closed) {
      const waiting = nextWaiting(reader, server, maxPdus, maxEdus)
      const extra = [...(ephemeral.get(server)?.values() ?? [])].slice(0, maxEdus - waiting.edus.length)
      if (waiting.pdus.length + waiting.edus.length + extra.length === 0) return
      const sent = await turns(() => send(server, waiting, extra))
      if (!sent) return
    }
  }

  async function send(server: ServerName, waiting: Waiting, extra: readonly Edu[]): Promise<boolean> {
    if (closed) return false
    const problem = await deliver(server, waiting, extra)
    const now = clock.now()
    // What was only worth something now is not sent a second time.
    for (const { name } of extra) if (name !== undefined) ephemeral.get(server)?.delete(name)
    if (ephemeral.get(server)?.size === 0) ephemeral.delete(server)
    if (problem === undefined) {
      unreachable.succeeded(server)
      if (waiting.pdus.length + waiting.edus.length > 0) {
        await storage.write((tx) => {
          dropSent(tx, server, waiting)
          noteSuccess(tx, server, now)
        })
      }
      return true
    }
    unreachable.failed(server)
    ephemeral.delete(server)
    log.info({ server, problem, failures: unreachable.failures(server) }, 'a server does not take what is sent to it')
    await storage.write((tx) => {
      noteFailure(tx, server, now, unreachable.failures(server), now + unreachable.wait(server))
      if (countWaiting(tx, server).pdus > maxWaiting) keepNewest(tx, server)
    })
    return false
  }

  /** Undefined: the server has taken it. */
  async function deliver(server: ServerName, waiting: Waiting, extra: readonly Edu[]): Promise<string | undefined> {
    const pdus = waiting.pdus.flatMap((position) => load?.(reader, position) ?? [])
    const edus = [
      ...waiting.edus.map(({ type, content }) => ({ edu_type: type, content: JSON.parse(content) as JsonValue })),
      ...extra.map(({ type, content }) => ({ edu_type: type, content })),
    ]
    const id = transactionId(waiting, extra)
    const content = {
      origin: deps.serverName,
      origin_server_ts: clock.now(),
      pdus: pdus.map(exact),
      ...(edus.length > 0 && { edus }),
    }
    const target = `/_matrix/federation/v1/send/${id}`
    const answer = await client.ask(server, { method: 'PUT', target, content, limits }, taken)
    if ('problem' in answer) return answer.problem
    if ('refusal' in answer) return `${answer.refusal.status} ${answer.refusal.code} ${answer.refusal.message}`
    for (const [eventId, result] of Object.entries(answer.body.pdus ?? {})) {
      const error = (result as { error?: unknown } | null)?.error
      if (typeof error === 'string') log.info({ server, eventId, error: error.slice(0, 500) }, 'a server refused an event')
    }
    return undefined
  }

  const kickAll = (servers: Iterable<ServerName>) => {
    for (const server of servers) kick(server)
  }

  return {
    enqueuePdu(tx, destinations, position, room) {
      insertPdus(tx, destinations, position, room)
      tx.whenVisible(() => kickAll(destinations))
    },
    enqueueEdu(tx, destinations, edu) {
      insertEdus(tx, destinations, edu)
      tx.whenVisible(() => kickAll(destinations))
    },
    sendEphemeral(destinations, edu) {
      for (const server of destinations) {
        if (unreachable.wait(server) > 0) continue
        const waiting = ephemeral.get(server) ?? new Map<string, Edu>()
        waiting.delete(edu.name)
        waiting.set(edu.name, edu)
        ephemeral.set(server, waiting)
        kick(server)
      }
    },
    heardFrom(server) {
      if (unreachable.failures(server) === 0) return
      unreachable.succeeded(server)
      wake(server)
    },
    start(loadPdu) {
      load = loadPdu
      for (const { server, failures, nextAttempt } of destinationStates(reader)) {
        if (failures > 0) unreachable.restore(server, failures, nextAttempt)
      }
      kickAll(waitingDestinations(reader))
    },
    async greet(servers) {
      const nothing: Waiting = { pdus: [], edus: [] }
      const silent = servers.filter((server) => !active.has(server) && unreachable.wait(server) === 0)
      await Promise.all(silent.map((server) => turns(() => send(server, nothing, []))))
    },
    retry(server) {
      for (const one of server === undefined ? waitingDestinations(reader) : [server]) {
        unreachable.succeeded(one)
        wake(one)
      }
    },
    close() {
      closed = true
      for (const cancel of timed.values()) cancel()
      timed.clear()
    },
  }

  function wake(server: ServerName): void {
    timed.get(server)?.()
    timed.delete(server)
    kick(server)
  }
}

/** The same for the same content, so that an attempt that arrived, though its answer did not, is known when it comes again. */
function transactionId(waiting: Waiting, extra: readonly Edu[]): string {
  const parts = [waiting.pdus, waiting.edus.map(({ id }) => id), extra.map(({ name, content }) => [name, content])]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 24)
}

/** Events keep their numbers as they were written: they are part of the hash. */
function exact(text: string): JsonValue {
  const read = parseJson(text, 'lenient')
  if ('problem' in read) throw new Error(`an event of this server cannot be read: ${read.problem}`)
  return read.value
}

/** At most so many at once; the others wait in the order in which they came. */
function createTurns(atOnce: number) {
  let running = 0
  const waiting: (() => void)[] = []
  return async <Result>(task: () => Promise<Result>): Promise<Result> => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    running += 1
    try {
      return await task()
    } finally {
      running -= 1
      waiting.shift()?.()
    }
  }
}
