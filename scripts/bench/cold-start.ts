import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, figure, figureOf } from './figures.ts'
import { askLoadProgram } from './programs.ts'
import { createHausbote, type MeasuredServer } from './servers.ts'

const goal = { atMost: 600 }

async function millisecondsToAnswer(server: MeasuredServer, times: number, command = server.command): Promise<number> {
  const words = ['--url', server.versionsUrl, '--times', String(times), '--', ...command]
  const { ms, median } = (await askLoadProgram('cold-start.mjs', words, server.environment)) as { ms: number[]; median: number }
  process.stdout.write(`${server.name}: ${command.slice(0, 2).join(' ')} …: ${ms.join(', ')} ms\n`)
  return median
}

/** From starting the process to the first answer of `/versions`; `others` are stopped servers that have run before. */
export async function measureColdStart(directory: string, others: readonly MeasuredServer[]): Promise<(Figure | undefined)[]> {
  const cache = join(directory, 'cold-start-cache')
  mkdirSync(cache, { recursive: true })
  const server = await createHausbote(join(directory, 'cold-start'), cache)
  const first = await millisecondsToAnswer(server, 1)
  const later = new Map([[server.name, await millisecondsToAnswer(server, 5)]])
  for (const other of others) later.set(other.name, await millisecondsToAnswer(other, 5))
  const throughNpm = await millisecondsToAnswer(server, 3, ['npm', 'start', '--silent'])
  const part = { of: 'cold start', unit: 'ms' }
  return [
    figureOf(server, first, { ...part, what: 'very first start: no data, empty compile cache' }),
    figure({ ...part, what: 'second and later starts, median of 5', goal }, later),
    figureOf(server, throughNpm, { ...part, what: 'the same with `npm start` around it, median of 3' }),
  ]
}
