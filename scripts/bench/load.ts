import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, figure } from './figures.ts'
import { runLoadProgram } from './programs.ts'
import type { MeasuredServer } from './servers.ts'

/** What load.mjs can do, in the order of a whole run. */
export const loadScenarios = [
  'send',
  'send-encrypted-like',
  'history',
  'initial-sync',
  'keys',
  'login',
  'wake',
  'practice-day',
  'idle-syncs',
  'big-state',
] as const

/** Figures of one label and server: medians over the rounds. */
interface Medians {
  readonly rate?: number
  readonly p50?: number
  readonly p99?: number
  readonly cpuSecondsPer1000?: number
  readonly early?: number
  readonly late?: number
  readonly generatorCores?: number
  readonly otherCores?: number
}

interface Process {
  readonly pssBytes: number
  /** What it would be on a machine without other programs of the same Node. */
  readonly aloneBytes: number
}

type AtTime = Readonly<Record<string, { readonly process?: Process }>>

interface Report {
  readonly medians: Readonly<Record<string, Readonly<Record<string, Medians>>>>
  readonly atStart: AtTime
  readonly atEnd: AtTime
}

export interface LoadRun {
  readonly figures: (Figure | undefined)[]
  /** False when an answer was wrong, missing or lost. */
  readonly sound: boolean
}

interface LoadPlan {
  readonly scenarios: readonly string[]
  readonly quick: boolean
  readonly rounds: number
  /** Seconds to wait for the rest of the machine to be quiet, before each scenario. */
  readonly patience: number
}

/** All scenarios, one after the other, on running servers. */
export async function measureLoad(directory: string, servers: readonly MeasuredServer[], plan: LoadPlan): Promise<LoadRun> {
  const json = join(directory, 'load.json')
  const words = ['--json', json, '--rounds', String(plan.rounds), '--patience', String(plan.patience)]
  if (plan.quick) words.push('--quick', '--set', 'wake.members=100')
  words.push('--set', 'send.shapes=1x1,1x32', '--set', 'send-encrypted-like.shapes=1x32')
  for (const { name, url, register, pid, databaseFile } of servers)
    words.push('--target', `${name}=${url},register=${register},pid=${pid},db=${databaseFile}`)
  for (const scenario of plan.scenarios) words.push('--scenario', scenario)
  const code = await runLoadProgram('load.mjs', words)
  const report = JSON.parse(readFileSync(json, 'utf8')) as Report
  const whole = plan.scenarios.length === loadScenarios.length
  return { figures: [...memory(report.atStart, report.atEnd, whole), ...figuresOf(report)], sound: code === 0 }
}

/** What the generator alone can do on this machine, against a server that answers at once and does nothing: a sentence. */
export async function measureGenerator(directory: string, quick: boolean): Promise<string> {
  const json = join(directory, 'generator.json')
  const words = ['--json', json, '--set', 'send.shapes=1x1,1x32', ...(quick ? ['--quick'] : [])]
  const code = await runLoadProgram('ceiling.mjs', [...words, '--scenario', 'send', 'history'])
  if (code !== 0) throw new Error(`ceiling.mjs ended with ${code}`)
  const { medians } = JSON.parse(readFileSync(json, 'utf8')) as Report
  const rate = (label: string) => Math.round(medians[label]?.nothing?.rate ?? Number.NaN).toLocaleString('en')
  const [one, many, pages] = ['send 1x1', 'send 1x32', 'history: pages of 100'].map(rate)
  return `Generator against a server that does nothing: ${one} sends/s with one sender, ${many} with 32; ${pages} pages of 100/s.`
}

const megabyte = 2 ** 20

function memory(atStart: AtTime, atEnd: AtTime, whole: boolean): (Figure | undefined)[] {
  const part = { of: 'memory', unit: 'MB' }
  const of = (time: AtTime, kind: keyof Process) =>
    new Map(Object.entries(time).map(([name, facts]) => [name, facts.process && facts.process[kind] / megabyte]))
  const end = whole ? 'after the whole run' : 'after these scenarios'
  const last = { ...part, ...(whole && { goal: { atMost: 200 } }) }
  return [
    figure({ ...part, what: 'idle (PSS)', goal: { atMost: 100 } }, of(atStart, 'pssBytes')),
    figure({ ...part, what: 'idle, alone on a machine', goal: { atMost: 100 } }, of(atStart, 'aloneBytes')),
    figure({ ...last, what: `${end} (PSS)` }, of(atEnd, 'pssBytes')),
    figure({ ...last, what: `${end}, alone on a machine` }, of(atEnd, 'aloneBytes')),
  ]
}

type LoadFigure = readonly [
  of: string,
  label: RegExp,
  what: string,
  key: keyof Medians,
  unit: string,
  goal?: Figure['goal'],
  scale?: number,
]

/** What is taken from a report; labels end in a size that quick runs change. */
const loadFigures: readonly LoadFigure[] = [
  ['send', /^send 1x1$/, 'durable sends, one sender', 'rate', '/s', { atLeast: 300 }],
  ['send', /^send 1x1$/, 'wait of the sender, one sender', 'p50', 'ms'],
  ['send', /^send 1x32$/, 'durable sends, 32 senders in one room', 'rate', '/s', { atLeast: 1500 }],
  ['send', /^send 1x32$/, 'CPU of the server for each of them', 'cpuSecondsPer1000', 'ms', { atMost: 0.6 }],
  ['send', /^send 1x32$/, 'wait of the sender, 32 senders', 'p50', 'ms'],
  ['send-encrypted-like', /^send-encrypted-like 1x32$/, 'durable sends of 1.2 KB, 32 senders', 'rate', '/s'],
  ['history', /^history: pages of 100$/, 'pages of 100, `/messages`', 'rate', '/s', { atLeast: 1000 }],
  ['initial-sync', /^initial-sync of/, 'first sync of 50 rooms', 'p50', 'ms', { atMost: 30 }],
  ['keys', /^keys: upload/, 'uploads of 50 one-time keys', 'rate', '/s'],
  ['keys', /^keys: query/, 'queries of 100 devices', 'rate', '/s'],
  ['keys', /^keys: claim/, 'claims from 100 devices', 'rate', '/s'],
  ['login', /^login$/, 'password logins', 'rate', '/s'],
  ['wake', /^wake 100$/, 'until the last of 100 waiting members has the message', 'p50', 'ms'],
  ['wake', /^wake 500$/, 'until the last of 500 waiting members has the message', 'p50', 'ms', { atMost: 150 }],
  ['practice-day', /^practice-day$/, 'requests of a busy practice, median', 'p50', 'ms'],
  ['practice-day', /^practice-day$/, 'requests of a busy practice, 99th percentile', 'p99', 'ms'],
  ['practice-day', /^practice-day: delivery$/, 'delivery of a message to a waiting client, median', 'p50', 'ms'],
  ['idle-syncs', /^idle-syncs/, 'how late the answer comes at the end of an idle long poll', 'p50', 'ms'],
  ['big-state', /^big-state: join/, 'joins, one after the other', 'rate', '/s'],
  ['big-state', /^big-state: join/, 'a join, the first hundred', 'early', 'ms'],
  ['big-state', /^big-state: join/, 'a join, the last hundred of 1,000', 'late', 'ms'],
  ['big-state', /^big-state: \/members/, '`/members` of the room', 'p50', 'ms'],
  ['big-state', /^big-state: \/joined_members/, '`/joined_members` of the room', 'p50', 'ms'],
  ['big-state', /^big-state: send/, 'sends into it, one sender', 'rate', '/s'],
]

function figuresOf({ medians }: Report): (Figure | undefined)[] {
  return loadFigures.map(([of, pattern, what, key, unit, goal]) => {
    const label = Object.keys(medians).find((name) => pattern.test(name)) ?? ''
    const values = byServer(medians[label], key)
    // The tool that starts Synapse makes its password hash cheap.
    if (of === 'login') values.delete('synapse')
    return figure(
      { of, what, unit, moreIsBetter: unit === '/s', note: disturbances(medians[label]), ...(goal && { goal }) },
      values,
    )
  })
}

function byServer(medians: Readonly<Record<string, Medians>> = {}, key: keyof Medians): Map<string, number> {
  return new Map(Object.entries(medians).flatMap(([name, { [key]: value }]) => (value === undefined ? [] : [[name, value]])))
}

/** A generator at its own limit, or others at work, make a figure worth less. */
function disturbances(medians: Readonly<Record<string, Medians>> = {}): string {
  const [ours] = Object.values(medians)
  const percent = (cores: number) => `${Math.round(cores * 100)} %`
  const { generatorCores = 0, otherCores = 0 } = ours ?? {}
  return [
    ...(generatorCores > 0.7 ? [`generator ${percent(generatorCores)}`] : []),
    ...(otherCores > 0.1 ? [`others ${percent(otherCores)}`] : []),
  ].join(', ')
}
