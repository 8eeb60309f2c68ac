import { parseArgs } from 'node:util'
import { federationScenarios } from './federation/measure.ts'
import { loadScenarios } from './load.ts'

/** Parts of a run that are not scenarios of the load generator. */
const ownScenarios = ['cold-start', 'long-polls', 'room-size', ...federationScenarios, 'generator'] as const

export interface Options {
  readonly quick: boolean
  readonly scenarios: ReadonlySet<string>
  readonly compare: boolean
  readonly write: boolean
  readonly rounds: number
  readonly patience: number
  readonly directory: string | undefined
}

export const usage = `npm run bench [-- OPTIONS]
  --quick              small numbers, to see that everything works: no verdicts
  --scenario NAME      one or more of: ${[...loadScenarios, ...ownScenarios].join(' ')} (default: all)
  --compare synapse    the same work on Synapse beside it, in one run
  --rounds N           each load scenario N times, medians (default 1)
  --patience SECONDS   wait before each load scenario for the rest of the machine to be quiet (default 0)
  --directory DIR      where data is kept meanwhile (default: the directory for temporary files, if it is on a disk)
  --write              put the figures into docs/benchmarks.md`

/** Throws with what is wrong with the command line. */
export function readOptions(words: string[]): Options {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      compare: { type: 'string' },
      rounds: { type: 'string', default: '1' },
      patience: { type: 'string', default: '0' },
      directory: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  })
  const known: readonly string[] = [...loadScenarios, ...ownScenarios]
  const named = [...values.scenario, ...positionals]
  for (const name of named) if (!known.includes(name)) throw new Error(`there is no scenario ${name}`)
  if (values.compare !== undefined && values.compare !== 'synapse') throw new Error('--compare: only synapse is known')
  const [rounds, patience] = [Number(values.rounds), Number(values.patience)]
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: must be a whole number from 1')
  if (!(patience >= 0)) throw new Error('--patience: must be a number of seconds')
  if (values.write && values.quick) throw new Error('--write: figures of a quick run are worth nothing')
  if (values.write && named.length > 0) throw new Error('--write: only a run of everything replaces the results')
  return {
    quick: values.quick,
    scenarios: new Set(named.length > 0 ? named : known),
    compare: values.compare !== undefined,
    write: values.write,
    rounds,
    patience,
    directory: values.directory,
  }
}
