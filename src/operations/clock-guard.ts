import type { CanonicalProfile } from '../matrix/canonical-json.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { RoomVersion } from '../matrix/room-versions.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'

/** What is known about this machine's clock. */
export interface ClockState {
  /**
   * `unknown`: nobody could be asked. `wrong`: by more than a minute, so nothing is signed: other servers would refuse events and requests of
   * another time, or keep them for ever at a wrong place.
   */
  readonly state: 'unknown' | 'right' | 'wrong'
  /** How much this clock is ahead of the others, as far as that is known. */
  readonly ahead: Milliseconds | undefined
  /**
   * `partners`: what most of those asked say. `certificates`: by this clock the certificates of all of them have run out, or are
   * not valid yet. `behind`: it is earlier than this server has been already.
   */
  readonly because: 'partners' | 'certificates' | 'behind' | undefined
  /** How many partners answered. */
  readonly answers: number
  /** Since the epoch; undefined: never. */
  readonly checkedAt: Milliseconds | undefined
}

export interface ClockGuardDeps {
  readonly clock: Clock
  readonly log: Log
  /** Servers whose clocks are compared. */
  partners(): readonly string[]
  /** The `Date` header of an answer of this server, or why there is no answer. */
  dateOf(server: string): Promise<{ readonly date: string | undefined } | { readonly problem: string }>
  /** The latest moment that this server is known to have run at; undefined: none. */
  lastKnown(): Milliseconds | undefined
  /** The clock was wrong and is no longer: what was not signed can be. */
  trustedAgain?(): void
}

export interface ClockGuard {
  state(): ClockState
  /** Asks partners; resolves with the new state. */
  check(): Promise<ClockState>
}

/** What a clock may be wrong by. */
const tolerance: Milliseconds = 60_000
/** What answers of right clocks differ by: the header has whole seconds, and answers take time. */
const agreement: Milliseconds = 30_000
/** How many are asked. */
const maxAsked = 7
/** One partner's own clock may be wrong. */
const leastAgreeing = 2
/** An answer that took longer says too little. */
const longestAnswer: Milliseconds = 10_000
/** For how long a clock behind its own past is distrusted when nobody can be asked: afterwards the past is. */
const distrust: Milliseconds = 3_600_000

/** What OpenSSL says of a certificate that is not for this moment. */
const untimely = /certificate has expired|certificate is not yet valid/

/** Compares this machine's clock with those of others. */
export function createClockGuard(deps: ClockGuardDeps): ClockGuard {
  const { clock, log, partners, dateOf, lastKnown } = deps
  const begun = clock.now()
  const known = lastKnown()
  const behind = known === undefined ? 0 : known - begun
  let state: ClockState = { state: 'unknown', ahead: undefined, because: undefined, answers: 0, checkedAt: undefined }
  if (behind > tolerance) become({ ...state, state: 'wrong', ahead: -behind, because: 'behind' })

  function become(next: ClockState): ClockState {
    const before = state
    state = next
    const { state: verdict, ahead, because, answers } = next
    if (verdict === 'wrong') log.error({ ahead, because, answers }, 'the clock of this machine is wrong: nothing is signed')
    else if (before.state === 'wrong') {
      log.warn({ ahead, answers }, 'the clock of this machine is trusted again')
      deps.trustedAgain?.()
    }
    return next
  }

  /** How much this clock is ahead of one server's; undefined: it does not say. */
  async function aheadOf(server: string): Promise<Milliseconds | 'untimely' | undefined> {
    const before = clock.now()
    const answer = await dateOf(server)
    if ('problem' in answer) return untimely.test(answer.problem) ? 'untimely' : undefined
    const date = Date.parse(answer.date ?? '')
    const after = clock.now()
    // The clock may have been set meanwhile.
    if (Number.isNaN(date) || after < before || after - before > longestAnswer) return undefined
    return (before + after) / 2 - date
  }

  async function check(): Promise<ClockState> {
    const asked = partners().slice(0, maxAsked)
    const all = await Promise.all(asked.map(aheadOf))
    const answers = all.filter((ahead) => typeof ahead === 'number')
    const ahead = agreed(answers)
    const checkedAt = clock.now()
    if (ahead !== undefined) {
      const wrong = Math.abs(ahead) > tolerance
      return become({ state: wrong ? 'wrong' : 'right', ahead, because: 'partners', answers: answers.length, checkedAt })
    }
    if (answers.length === 0 && all.filter((ahead) => ahead === 'untimely').length >= leastAgreeing)
      return become({ state: 'wrong', ahead: undefined, because: 'certificates', answers: 0, checkedAt })
    if (state.because === 'behind' && checkedAt - begun > distrust)
      return become({ state: 'unknown', ahead: undefined, because: undefined, answers: answers.length, checkedAt })
    // What was known before is better than nothing.
    state = { ...state, answers: answers.length, checkedAt }
    return state
  }

  return { state: () => state, check }
}

/** The middle of the largest group of answers that agree; undefined: too few do, or two groups are equally large. */
function agreed(answers: readonly Milliseconds[]): Milliseconds | undefined {
  const sorted = answers.toSorted((one, other) => one - other)
  const groups = sorted.map((first, index) => sorted.slice(index).filter((ahead) => ahead - first <= agreement))
  const [largest = [], next] = groups.toSorted((one, other) => other.length - one.length)
  const contested = next !== undefined && next.length === largest.length && !next.some((ahead) => largest.includes(ahead))
  if (largest.length < leastAgreeing || contested) return undefined
  return largest[Math.floor(largest.length / 2)]
}

/** Nothing may be signed at the moment. */
export class ClockIsWrong extends Error {
  override readonly name = 'ClockIsWrong'
}

/** The same signer, but it refuses while the clock is wrong. Throws `ClockIsWrong`. */
export function guardSigner(signer: Signer, clockState: () => ClockState): Signer {
  const refuse = () => {
    if (clockState().state === 'wrong')
      throw new ClockIsWrong('The clock of this server is wrong: nothing is signed until it is set.')
  }
  return {
    serverName: signer.serverName,
    // The key may be changed at any time.
    get keyId() {
      return signer.keyId
    },
    get publicKey() {
      return signer.publicKey
    },
    signJson(object: JsonObject, profile?: CanonicalProfile) {
      refuse()
      return signer.signJson(object, profile)
    },
    signEvent(raw: JsonObject, version: RoomVersion) {
      refuse()
      return signer.signEvent(raw, version)
    },
  }
}
