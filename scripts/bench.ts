// Speed and memory, held against their goals: `npm run bench`. docs/benchmarks.md says what each figure means.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { measureColdStart } from './bench/cold-start.ts'
import { federationScenarios, measureFederation } from './bench/federation/measure.ts'
import { type Figure, figure, verdictOf } from './bench/figures.ts'
import { loadScenarios, measureGenerator, measureLoad } from './bench/load.ts'
import { measureLongPolls } from './bench/long-polls.ts'
import { circumstances, diskDirectory, loadNow } from './bench/machine.ts'
import { type Options, readOptions, usage } from './bench/options.ts'
import { writeResults } from './bench/results.ts'
import { measureRoomSize, type RoomSizePlan, type RoomSizeResult } from './bench/room-size.ts'
import { roomSizeFigures } from './bench/room-size-figures.ts'
import { createHausbote, createSynapse, type MeasuredServer } from './bench/servers.ts'
import { table } from './bench/table.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)
const wholeRoom: RoomSizePlan = { members: 10_000, messages: 5000, turns: 5, seconds: 4 }
const smallRoom: RoomSizePlan = { members: 1000, messages: 1000, turns: 3, seconds: 2 }
/** Synapse needs hours for more. */
const synapseRoom: RoomSizePlan = { members: 1000, messages: 200, turns: 3, seconds: 4 }
const quickSynapseRoom: RoomSizePlan = { members: 100, messages: 50, turns: 1, seconds: 2 }

const noSynapse = 'NOTHING IS COMPARED: ../shared/tools/synapse, which starts Synapse, is not there.'

interface Outcome {
  readonly figures: (Figure | undefined)[]
  /** Sentences for the head of the results. */
  readonly remarks: readonly string[]
  readonly sound: boolean
}

async function run(options: Options, directory: string): Promise<Outcome> {
  const { scenarios, quick, rounds, patience } = options
  const figures: (Figure | undefined)[] = []
  const remarks: string[] = []
  const other = options.compare ? await createSynapse(join(directory, 'synapse')) : undefined
  const others = other ? [other] : []
  if (options.compare && !other) say(noSynapse)
  let sound = true

  if (scenarios.has('cold-start')) {
    say('\n== cold start')
    figures.push(...(await measureColdStart(directory, others)))
  }
  const chosen = loadScenarios.filter((name) => scenarios.has(name))
  if (chosen.length > 0) {
    say('\n== load')
    const servers = [await createHausbote(join(directory, 'load')), ...others]
    for (const server of servers) {
      // The very first start compiles everything, which costs memory that no later start needs.
      await server.start()
      await server.stop()
      await server.start()
    }
    const load = await measureLoad(directory, servers, { scenarios: chosen, quick, rounds, patience })
    figures.push(...load.figures)
    sound = load.sound
    for (const server of servers) await server.stop()
  }
  if (scenarios.has('long-polls')) {
    say('\n== long polls')
    const fresh = options.compare ? await createSynapse(join(directory, 'synapse-long-polls')) : undefined
    const kilobytes = new Map<string, number>()
    for (const server of [await createHausbote(join(directory, 'long-polls')), ...(fresh ? [fresh] : [])])
      kilobytes.set(server.name, (await measureLongPolls(server, quick ? 200 : 1000)) / 1024)
    figures.push(
      figure({ of: 'long-polls', what: 'memory for each idle long poll', unit: 'kB', goal: { atMost: 25 } }, kilobytes),
    )
  }
  if (scenarios.has('room-size')) {
    say('\n== room size')
    const results = new Map<string, RoomSizeResult>()
    const measure = async (server: MeasuredServer, plan: RoomSizePlan) => {
      results.set(server.name, await measureRoomSize(server, plan))
    }
    await measure(await createHausbote(join(directory, 'room-size')), quick ? smallRoom : wholeRoom)
    const fresh = options.compare ? await createSynapse(join(directory, 'synapse-room-size')) : undefined
    if (fresh) await measure(fresh, quick ? quickSynapseRoom : synapseRoom)
    figures.push(...roomSizeFigures(results))
  }
  const between = federationScenarios.filter((name) => scenarios.has(name))
  if (between.length > 0) {
    figures.push(
      ...(await measureFederation(join(directory, 'federation'), { scenarios: between, quick, compare: options.compare })),
    )
  }
  if (scenarios.has('generator')) {
    say('\n== the generator alone')
    remarks.push(await measureGenerator(directory, quick))
  }
  return { figures, remarks, sound }
}

/** 0 when all was measured, nothing went wrong or was lost, and no goal is missed by more than a factor of two. */
async function main(options: Options): Promise<number> {
  const directory = mkdtempSync(join(diskDirectory(options.directory), 'hausbote-bench-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  const [began, before] = [new Date(), loadNow()]

  const outcome = await run(options, directory)
  const found = outcome.figures.filter((figure) => figure !== undefined)
  // Small numbers reach or miss nothing.
  const figures = options.quick ? found.map((figure) => ({ ...figure, goal: undefined })) : found
  const others = [...new Set(figures.flatMap(({ values }) => [...values.keys()]))].filter((name) => name === 'synapse')
  const minutes = (Date.now() - began.getTime()) / 60_000
  const head = [
    ...circumstances(),
    `Run: ${began.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${minutes.toFixed(0)} minutes; load of the machine before it ${before}.`,
    ...outcome.remarks,
    ...(options.quick ? ['QUICK: less was done than the names of the figures say, and nothing is held against its goal.'] : []),
    others.length > 0
      ? 'Synapse did the same work in turn, in the same run.'
      : 'NOTHING WAS COMPARED: no other server was measured beside it.',
  ]
  const text = table(figures, others)
  say(`\n${head.join('\n')}\n\n${text}`)
  if (options.compare && others.length === 0) say(`\n${noSynapse}`)
  if (!outcome.sound) say('\nSomething failed or was lost: see the lines above.')
  if (options.write) writeResults(head, text)
  const far = figures.filter((figure) => verdictOf(figure, 'hausbote') === 'missed by far')
  for (const { what } of far) say(`Missed by more than a factor of two: ${what}`)
  return outcome.sound && far.length === 0 ? 0 : 1
}

function given(): Options {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`)
    process.exit(64)
  }
}

process.exit(await main(given()))
