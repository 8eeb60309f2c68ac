import { parseJson } from '../matrix/canonical-json.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { createBackOff } from './back-off.ts'
import { readPublishedKeys } from './published-keys.ts'
import { storePublishedKeys } from './store.ts'
import type { Transport } from './transport.ts'

/** Asks servers for their own keys. */
export interface KeyFetches {
  /**
   * Undefined: the keys were stored. One question to a server at a time, whoever waits for the answer. Otherwise why
   * not, put so that it may be told to anybody.
   */
  ask(server: ServerName): Promise<string | undefined>
  /** As `ask`, but waits its turn where many servers are asked at once; when it comes, `stillWanted` is asked. */
  askInTurn(server: ServerName, stillWanted: () => boolean): Promise<string | undefined>
}

export interface KeyFetchesDeps {
  readonly storage: Storage
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
}

/** Servers that are asked at once: anybody can claim to be any server, and sets a question going by it. */
const maxFetches = 128
/** The part of them that may be spent on events, so that requests still get their turn. */
const maxInTurn = 96
const limits = { connect: 5000, headers: 10_000, total: 10_000, bytes: 64 * 1024 }
const minute: Milliseconds = 60_000
/** Between two questions to one server, so that made-up key ids do not become a flood of them. */
const pause = minute
/** Why is not said: that would tell strangers what can be reached from here. */
const unavailable = 'its keys could not be had'
const noSuchKey = 'it has no such key'
const busy = 'too many servers are being asked for their keys'

export function createKeyFetches({ storage, transport, clock, log }: KeyFetchesDeps): KeyFetches {
  const liars = createBackOff(clock, minute, 60 * minute)
  const asked = createBackOff(clock, pause, pause)
  const fetches = new Map<string, Promise<string | undefined>>()
  const queue: (() => void)[] = []
  let inTurn = 0

  async function request(server: ServerName): Promise<string | undefined> {
    const target = '/_matrix/key/v2/server'
    const answer = await transport.send(server, { method: 'GET', target, headers: {}, limits })
    // Those who cannot be reached the transport leaves alone.
    if ('problem' in answer) {
      log.debug({ server, problem: answer.problem }, 'a server cannot be asked for its keys')
      return unavailable
    }
    const json =
      answer.status === 200 ? parseJson(answer.body.toString('utf8'), 'strict') : { problem: `status ${answer.status}` }
    const read = 'problem' in json ? json : readPublishedKeys(server, json.value, clock.now(), 'current')
    if ('problem' in read) {
      liars.failed(server)
      log.info({ server, problem: read.problem }, 'no keys of a server')
      return unavailable
    }
    liars.succeeded(server)
    asked.failed(server)
    await storage.write((tx) => storePublishedKeys(tx, server, read, clock.now()))
    return undefined
  }

  async function ask(server: ServerName): Promise<string | undefined> {
    const running = fetches.get(server)
    if (running) return running
    if (liars.wait(server) > 0) return unavailable
    if (asked.wait(server) > 0) return noSuchKey
    if (fetches.size >= maxFetches) return busy
    const fetching = request(server).finally(() => fetches.delete(server))
    fetches.set(server, fetching)
    return fetching
  }

  return {
    ask,
    async askInTurn(server, stillWanted) {
      if (inTurn < maxInTurn) inTurn += 1
      else await new Promise<void>((resolve) => queue.push(resolve))
      try {
        return stillWanted() ? await ask(server) : busy
      } finally {
        const next = queue.shift()
        if (next) next()
        else inTurn -= 1
      }
    },
  }
}
