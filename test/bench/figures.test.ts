import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { advantage, figure, verdictOf } from '../../scripts/bench/figures.ts'
import { loadScenarios } from '../../scripts/bench/load.ts'
import { readOptions } from '../../scripts/bench/options.ts'
import { table } from '../../scripts/bench/table.ts'

const rate = (value: number, other?: number) =>
  figure(
    { of: 'send', what: 'sends', unit: '/s', goal: { atLeast: 100 } },
    new Map([
      ['hausbote', value],
      ['synapse', other],
    ]),
  )!
const wait = (value: number, other?: number) =>
  figure(
    { of: 'wake', what: 'wait', unit: 'ms', goal: { atMost: 100 } },
    new Map([
      ['hausbote', value],
      ['synapse', other],
    ]),
  )!

describe('a figure of the benchmark', () => {
  it.each([
    [100, 100, 'reached'],
    [99, 101, 'missed'],
    [50, 200, 'missed'],
    [49, 201, 'missed by far'],
  ])('of a rate of %d or a wait of %d is %s', (per, ms, verdict) => {
    expect(verdictOf(rate(per), 'hausbote')).toBe(verdict)
    expect(verdictOf(wait(ms), 'hausbote')).toBe(verdict)
  })

  it('that is missing is no figure', () => {
    expect(figure({ of: 'send', what: 'sends', unit: '/s' }, new Map([['hausbote', undefined]]))).toBeUndefined()
    expect(figure({ of: 'send', what: 'sends', unit: '/s' }, new Map([['hausbote', Number.NaN]]))).toBeUndefined()
    expect(verdictOf(rate(100), 'synapse')).toBeUndefined()
  })

  it('says how many times better than the other it is, whichever way is better', () => {
    expect(advantage(rate(200, 20), 200, 20)).toBe(10)
    expect(advantage(wait(20, 200), 20, 200)).toBe(10)
    const [, , row] = table([wait(20, 200)], ['synapse']).split('\n')
    expect(row?.split('|').map((cell) => cell.trim())).toEqual([
      '',
      'wake',
      'wait',
      '20 ms',
      '≤ 100 ms',
      'yes',
      '200 ms',
      '10 ×',
      '',
      '',
    ])
  })
})

describe('a run of the benchmark', () => {
  it('knows every scenario of the load generator', () => {
    const files = readdirSync(join(import.meta.dirname, '../../scripts/load/scenarios')).map((name) => name.replace(/\.mjs$/, ''))
    expect([...loadScenarios].sort()).toEqual(files.sort())
  })

  it('is of everything unless scenarios are named, and refuses what it does not know', () => {
    expect(readOptions([]).scenarios).toContain('room-size')
    expect([...readOptions(['--scenario', 'send', 'wake']).scenarios]).toEqual(['send', 'wake'])
    expect(() => readOptions(['--scenario', 'nap'])).toThrow('there is no scenario nap')
    expect(() => readOptions(['--compare', 'nothing'])).toThrow('--compare')
    expect(() => readOptions(['--quick', '--write'])).toThrow('--write')
    expect(() => readOptions(['--scenario', 'send', '--write'])).toThrow('--write')
  })
})
