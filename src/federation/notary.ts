import type { ServerName } from '../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Storage } from '../storage/storage.ts'
import type { KeyFetches } from './key-fetches.ts'
import type { OwnKeys } from './own-keys.ts'
import { findPublished, type StoredAnswer } from './store.ts'

/** What is asked about the keys of one server. */
export interface KeyQuestion {
  /** None: all. */
  readonly keyIds: readonly string[]
  /** The keys should be valid until then; milliseconds. */
  readonly minimum: Milliseconds
}

/** Passes on what servers publish about their keys. Source: server-server API, "Querying Keys Through Another Server". */
export interface Notary {
  /** What this server publishes about its own keys. */
  own(): JsonObject
  /** The newest answers of those servers that are known or can be had, each with its server's signatures and ours. */
  answer(questions: ReadonlyMap<ServerName, KeyQuestion>): Promise<readonly JsonObject[]>
}

export interface NotaryDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly signer: Signer
  readonly own: OwnKeys
  readonly fetches: KeyFetches
}

/** How long others may use our keys before they ask again. */
const validity: Milliseconds = 24 * 3_600_000
/** As many as we take over from others. */
const maxOldKeys = 64
/** Servers that are asked at the same time because strangers ask about them, and because of one question. */
const maxFetches = 32
const maxFetchesPerQuestion = 100
/** How long they are waited for. */
const patience: Milliseconds = 10_000
/** Answers that are signed before the event loop has a turn. */
const perTurn = 32

export function createNotary({ storage, clock, timers, signer, own, fetches }: NotaryDeps): Notary {
  let running = 0

  function ownAnswer(): JsonObject {
    const old = own.old().slice(0, maxOldKeys)
    return signer.signJson({
      server_name: signer.serverName,
      verify_keys: { [signer.keyId]: { key: signer.publicKey } },
      old_verify_keys: Object.fromEntries(
        old.map(({ keyId, publicKey, expired }) => [keyId, { key: publicKey, expired_ts: expired }]),
      ),
      valid_until_ts: clock.now() + validity,
    })
  }

  /** Fetches a few at a time. Where strangers have others asked already there is no waiting: what is stored must do. */
  async function refresh(servers: readonly ServerName[]): Promise<void> {
    const left = servers.slice(0, maxFetchesPerQuestion)
    let waiting = true
    const work = async () => {
      while (waiting && running < maxFetches) {
        const server = left.shift()
        if (server === undefined) return
        running += 1
        try {
          await fetches.ask(server)
        } finally {
          running -= 1
        }
      }
    }
    const cancel = new Promise<void>((resolve, reject) => {
      const stop = timers.after(patience, resolve)
      Promise.all(Array.from({ length: Math.min(maxFetches, left.length) }, work)).then(() => {
        stop()
        resolve()
      }, reject)
    })
    await cancel
    waiting = false
  }

  return {
    own: ownAnswer,
    async answer(questions) {
      const { reader } = storage
      const lacking = [...questions].filter(
        ([server, question]) => server !== own.serverName && !isEnough(findPublished(reader, server), question),
      )
      if (lacking.length > 0) await refresh(lacking.map(([server]) => server))
      const answers: JsonObject[] = []
      for (const server of questions.keys()) {
        if (server === own.serverName) answers.push(ownAnswer())
        const stored = server === own.serverName ? undefined : findPublished(storage.reader, server)
        if (stored?.content) answers.push(signer.signJson(stored.content))
        if (answers.length % perTurn === 0) await new Promise<void>((resolve) => setImmediate(resolve))
      }
      return answers
    },
  }
}

function isEnough(stored: StoredAnswer | undefined, { keyIds, minimum }: KeyQuestion): boolean {
  if (!stored?.content || stored.validUntilTs < minimum) return false
  const { verify_keys: current, old_verify_keys: old } = stored.content
  return keyIds.every((keyId) => [current, old].some((keys) => isObject(keys) && Object.hasOwn(keys, keyId)))
}
