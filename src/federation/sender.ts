import type { ServerName } from '../matrix/identifiers.ts'
import type { Timers } from '../platform/clock.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import type { Position, Reader, Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { failingDestinations } from './destinations.ts'
import { type Edu, insertEdus, insertPdus, waitingDestinations } from './outbox.ts'
import type { Retries } from './retry.ts'
import { createAttempts } from './sender-attempts.ts'
import { createDelivery, type DeliveryDeps, type NotTaken } from './sender-delivery.ts'
import { createEphemeral } from './sender-ephemeral.ts'
import { createOutageWatch } from './sender-outage.ts'
import { createPlaces } from './sender-places.ts'
import { forgetRows, recordNotTaken, recordTaken } from './sender-records.ts'
import { type LoadPdu, rowsOf, type Transaction } from './sender-transaction.ts'

export interface SenderDeps extends DeliveryDeps {
  readonly storage: Storage
  readonly timers: Timers
  readonly random: Random
  /** Shared with all other requests: who cannot be reached is not asked by anybody. */
  readonly retries: Retries
}

/**
 * Sends what waits to the other servers, one transaction at a time to each, oldest first, events before the rest. A transaction that is not
 * taken is tried again, the same, later and later (`retryDelay`). A server that is away for long finds, of more than 500 events, the newest of
 * each room, and fetches those before it; typing, presence and receipts lose their worth after a while and are dropped; all else, above all
 * messages to devices and changes of devices, waits until it is taken. Source: server-server API, "Transactions"; see docs/federation.md.
 */
export interface Sender {
  /** Inside the change that causes it. `room`: a number that tells rooms apart. */
  enqueuePdu(tx: Writer, destinations: readonly ServerName[], position: Position, room: number): void
  enqueueEdu(tx: Writer, destinations: readonly ServerName[], edu: Edu): void
  /** What is worth nothing later, such as typing: kept in memory, the newest of each name, and dropped where the server cannot be reached. */
  sendEphemeral(destinations: readonly ServerName[], edu: Edu & { readonly name: string }): void
  /** A genuine request of another server came: it is there. */
  heardFrom(server: ServerName): void
  /**
   * Begins with what waits from before the start, a moment later: the servers that it goes to ask this one for its keys at once. `partners`:
   * the servers that it shares rooms with, to be told that it is back.
   */
  start(loadPdu: LoadPdu, partners: (reader: Reader) => readonly ServerName[]): void
  /** Tries a server at once that failed. */
  retryNow(server: ServerName): void
  /** The network is back: tries all servers that failed, and tells the partners. */
  retryAll(): void
  close(): void
}

/** Of attempts at servers that fail anyway; the others have places of their own. */
const doubtfulAtOnce = 16
const usualAtOnce = { atOnce: 48, patience: 3000, most: 160 }
/** Until the listeners of this server are open. */
const startDelay = 2000
/** A row that makes no sense to the other server so often is given up. */
const maxRefusals = 3

/** `nowhere`: there is nothing to be sent. */
type Went = 'well' | 'wrong' | 'nowhere'

export function createSender(deps: SenderDeps): Sender {
  const { storage, clock, timers, log, retries } = deps
  const { reader } = storage
  const deliver = createDelivery(deps)
  const attempts = createAttempts(reader)
  const ephemeral = createEphemeral()
  const outages = createOutageWatch(clock)
  const usual = createPlaces({ timers, ...usualAtOnce })
  const doubtful = createPlaces({ timers, atOnce: doubtfulAtOnce })
  const active = new Set<ServerName>()
  /** Something new came while a server was being sent to. */
  const again = new Set<ServerName>()
  const timed = new Map<ServerName, () => void>()
  /** To be told that this one is back, should there be nothing else to be sent. */
  const greetings = new Set<ServerName>()
  let due = new Set<ServerName>()
  let load: LoadPdu | undefined
  let partnersOf: (reader: Reader) => readonly ServerName[] = () => []
  let cancelStart: (() => void) | undefined
  let closed = false

  retries.onShorter(kick)

  /** Those who wrote are answered before anything is sent. */
  function kickSoon(servers: readonly ServerName[]): void {
    if (due.size === 0) setImmediate(kickDue)
    for (const server of servers) due.add(server)
  }

  function kickDue(): void {
    const servers = due
    due = new Set()
    for (const server of servers) kick(server)
  }

  function kick(server: ServerName): void {
    if (closed || !load) return
    if (active.has(server)) {
      again.add(server)
      return
    }
    timed.get(server)?.()
    timed.delete(server)
    const pause = retries.pause(server)
    if (pause === 0) void work(server, load)
    else {
      const wakeUp = () => {
        timed.delete(server)
        kick(server)
      }
      timed.set(server, timers.after(pause, wakeUp))
    }
  }

  /** Sends until nothing waits or something fails. */
  async function work(server: ServerName, loadPdu: LoadPdu): Promise<void> {
    active.add(server)
    let went: Went = 'well'
    try {
      while (went === 'well' && !closed) {
        const places = retries.failures(server) > 0 ? doubtful : usual
        went = await places(() => sendNext(server, loadPdu))
      }
    } catch (error) {
      went = 'wrong'
      // The disk takes nothing, or nothing may be signed.
      if (!closed) log.warn({ server, err: error }, 'sending to a server is interrupted')
      if (retries.pause(server) === 0) retries.refused(server)
    }
    active.delete(server)
    // The pause may be over already: writing, too, takes its time.
    if (again.delete(server) || went === 'wrong') kick(server)
  }

  async function sendNext(server: ServerName, loadPdu: LoadPdu): Promise<Went> {
    const transaction = closed ? undefined : (attempts.next(server, loadPdu, ephemeral.of(server)) ?? greeting(server))
    if (!transaction) return 'nowhere'
    if (isSpent(transaction)) {
      await storage.write((tx) => forgetRows(tx, server, transaction))
      return 'well'
    }
    greetings.delete(server)
    ephemeral.sent(server, transaction.extra)
    attempts.began(server, transaction)
    // The same words later are something else: typing that began, ended and begins again.
    const attempt = rowsOf(transaction) > 0 ? transaction : { ...transaction, id: randomLetters(deps.random, 24) }
    const refusal = await deliver(server, attempt)
    // What is under way when this server ends is sent again when it is back, and known there by its id.
    if (closed) return 'nowhere'
    if (refusal) await notTaken(server, transaction, refusal)
    else await taken(server, transaction)
    return refusal ? 'wrong' : 'well'
  }

  /** A signed request like any other, by which a server sees that this one is back, and sends what it has. */
  function greeting(server: ServerName): Transaction | undefined {
    if (!greetings.has(server)) return undefined
    return { id: randomLetters(deps.random, 24), positions: [], pdus: [], edus: [], extra: [] }
  }

  async function taken(server: ServerName, transaction: Transaction): Promise<void> {
    // What is in no table leaves no trace there.
    if (transaction.extra.length === 0 || rowsOf(transaction) > 0 || retries.failures(server) > 0)
      await storage.write((tx) => recordTaken(tx, server, transaction, clock.now()))
    attempts.taken(server)
    retries.accepted(server)
    endOutage()
  }

  async function notTaken(server: ServerName, transaction: Transaction, { problem, kind }: NotTaken): Promise<void> {
    const now = clock.now()
    ephemeral.drop(server)
    // The transport has noted already whom it did not reach.
    if (retries.pause(server) === 0) retries.refused(server)
    const failures = retries.failures(server)
    log.info({ server, problem, failures }, 'a server does not take what is sent to it')
    if (failures === 1 && kind === 'unreachable') outages.failed(server)
    if (kind === 'senseless') attempts.makesNoSense(server, transaction)
    const givenUp = kind === 'senseless' && rowsOf(transaction) === 1 && failures >= maxRefusals
    const { positions, edus } = transaction
    if (givenUp)
      log.warn({ server, position: positions[0], type: edus[0]?.type, problem }, 'what a server refuses for good is given up')
    await storage.write((tx) => {
      if (givenUp) forgetRows(tx, server, transaction)
      const { pdu, edu } = attempts.tried(server)
      recordNotTaken(tx, server, { now, failures, nextAttempt: now + retries.pause(server), tried: { pdu, edu } })
    })
  }

  /** Something goes through again: those who found this server away leave it alone otherwise. */
  function endOutage(): void {
    const lost = outages.succeeded()
    if (lost.length === 0) return
    log.info({ servers: lost.length }, 'the network is back')
    for (const server of lost) retries.hurry(server)
    greetPartners()
  }

  function greetPartners(): void {
    for (const server of partnersOf(reader)) {
      if (server === deps.serverName) continue
      greetings.add(server)
      retries.hurry(server)
      kick(server)
    }
  }

  function retryAll(): void {
    for (const server of waitingDestinations(reader)) {
      retries.hurry(server)
      kick(server)
    }
    greetPartners()
  }

  return {
    enqueuePdu(tx, destinations, position, room) {
      insertPdus(tx, destinations, position, room)
      tx.whenVisible(() => kickSoon(destinations))
    },
    enqueueEdu(tx, destinations, edu) {
      insertEdus(tx, destinations, edu, clock.now())
      tx.whenVisible(() => kickSoon(destinations))
    },
    sendEphemeral(destinations, edu) {
      const reached = destinations.filter((server) => retries.pause(server) === 0)
      for (const server of reached) ephemeral.add(server, edu)
      kickSoon(reached)
    },
    heardFrom(server) {
      retries.heardFrom(server)
      endOutage()
    },
    start(loadPdu, partners) {
      load = loadPdu
      partnersOf = partners
      for (const { server, failures, nextAttempt, pdu, edu } of failingDestinations(reader)) {
        retries.restore(server, failures, nextAttempt)
        attempts.restore(server, { pdu, edu })
      }
      cancelStart = timers.after(startDelay, retryAll)
    },
    retryNow: (server) => retries.hurry(server),
    retryAll,
    close() {
      closed = true
      cancelStart?.()
      for (const cancel of timed.values()) cancel()
      timed.clear()
    },
  }
}

/** All its events have been deleted here in the meantime. */
function isSpent({ positions, pdus, edus, extra }: Transaction): boolean {
  return positions.length > 0 && pdus.length + edus.length + extra.length === 0
}
