import { expect, test } from 'vitest'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { createSigner } from '../../src/matrix/signatures.ts'
import { createClockGuard, guardSigner } from '../../src/operations/clock-guard.ts'
import { handMovedClock } from '../support/clock.ts'
import { capturedLog } from '../support/log.ts'

const minute = 60_000

/** A guard whose partners' clocks are this much ahead of the true time; undefined: the partner does not answer; a text: why not. */
function kit(others: readonly (number | string | undefined)[], lastKnown?: number) {
  const truth = handMovedClock()
  let wrongBy = 0
  const { log, lines } = capturedLog()
  const guard = createClockGuard({
    clock: { now: () => truth.now() + wrongBy },
    log,
    partners: () => others.map((_, index) => `p${index}.test`),
    async dateOf(server) {
      const ahead = others[Number(server[1])]
      if (typeof ahead === 'string') return { problem: ahead }
      return ahead === undefined ? { problem: 'no answer' } : { date: new Date(truth.now() + ahead).toUTCString() }
    },
    lastKnown: () => (lastKnown === undefined ? undefined : truth.now() + lastKnown),
  })
  return { guard, truth, lines, wrongBy: (by: number) => (wrongBy = by) }
}

test.each([
  ['all agree', [0, 1000, -2000], 0, 'right'],
  ['not wrong by more than a minute', [0, 0, 0], 55_000, 'right'],
  ['ahead', [0, 0, 0], 61_000, 'wrong'],
  ['behind', [0, 0, 0], -70_000, 'wrong'],
  ['by years, as a machine without a battery', [0, 0], -2 * 365 * 24 * 60 * minute, 'wrong'],
  ['one partner is wrong itself', [0, 0, 5 * minute], 0, 'right'],
  ['one partner alone says nothing', [5 * minute], 0, 'unknown'],
  ['two partners that contradict each other', [0, 5 * minute], 0, 'unknown'],
  ['two against two', [0, 0, 5 * minute, 5 * minute], 0, 'unknown'],
  ['some do not answer', [undefined, 0, undefined, 0], 3 * minute, 'wrong'],
  ['nobody answers', [undefined, undefined], 3 * minute, 'unknown'],
  ['every certificate has run out', ['certificate has expired', 'certificate has expired'], 400 * 24 * 60 * minute, 'wrong'],
  ['one certificate has run out', ['certificate has expired', undefined], 0, 'unknown'],
  ['nobody is there', [], 3 * minute, 'unknown'],
] as const)('%s', async (_, others, by, state) => {
  const { guard, wrongBy } = kit(others)
  wrongBy(by)
  expect((await guard.check()).state).toBe(state)
  expect(guard.state().state).toBe(state)
})

test('while it is wrong nothing is signed, which is said aloud, and afterwards again', async () => {
  const { guard, lines, wrongBy } = kit([0, 0, 0])
  const signer = createSigner({ serverName: 'a.test' as ServerName, keyId: 'ed25519:1', seed: new Uint8Array(32).fill(7) })
  const guarded = guardSigner(signer, guard.state)
  const signed = guarded.signJson({ one: 1 })
  expect(signed).toEqual(signer.signJson({ one: 1 }))
  wrongBy(-10 * minute)
  await guard.check()
  expect(() => guarded.signJson({ one: 1 })).toThrow('The clock of this server is wrong')
  expect(() => guarded.signEvent({}, {} as never)).toThrow('The clock of this server is wrong')
  expect(lines).toMatchObject([{ level: 50, ahead: -10 * minute, because: 'partners', answers: 3 }])
  wrongBy(0)
  await guard.check()
  expect(guarded.signJson({ one: 1 })).toEqual(signed)
  expect(lines).toHaveLength(2)
  expect(guarded.serverName).toBe('a.test')
})

test('what was known stays while nobody answers', async () => {
  const others: (number | undefined)[] = [0, 0]
  const { guard, wrongBy } = kit(others)
  wrongBy(10 * minute)
  await guard.check()
  others.fill(undefined)
  expect(await guard.check()).toMatchObject({ state: 'wrong', answers: 0 })
})

test('a clock behind the past of this server is wrong from the start, until partners or an hour say otherwise', async () => {
  const early = kit([0, 0], 5 * minute)
  expect(early.guard.state()).toMatchObject({ state: 'wrong', because: 'behind', ahead: -5 * minute })
  expect(await early.guard.check()).toMatchObject({ state: 'right' })

  const alone = kit([], 5 * minute)
  expect((await alone.guard.check()).state).toBe('wrong')
  await alone.truth.advance(61 * minute)
  expect((await alone.guard.check()).state).toBe('unknown')
  expect(kit([], -5 * minute).guard.state().state).toBe('unknown')
})
