import { join } from 'node:path'
import { type Figure, figure, figureOf } from '../figures.ts'
import { type Authority, createAuthority } from './authority.ts'
import { measureConflicts } from './conflicts.ts'
import { type Federating, federatingHausbote, federatingSynapse } from './federating.ts'
import { type JoiningResult, measureJoining } from './joining.ts'
import { measureManyServers } from './many-servers.ts'
import { type Peers, startPeers } from './peers.ts'
import { measureReceiving, type ReceivingResult } from './receiving.ts'

/** Parts of a run that need other servers. */
export const federationScenarios = ['receiving', 'joining', 'many-servers', 'conflicts'] as const
export type FederationScenario = (typeof federationScenarios)[number]

interface Plan {
  readonly scenarios: readonly FederationScenario[]
  readonly quick: boolean
  readonly compare: boolean
}

/** Each scenario on fresh servers of its own. */
export async function measureFederation(directory: string, plan: Plan): Promise<(Figure | undefined)[]> {
  const authority = createAuthority(join(directory, 'authority'))
  const figures: (Figure | undefined)[] = []
  let net = 130
  for (const scenario of plan.scenarios) {
    process.stdout.write(`\n== federation: ${scenario}\n`)
    net += 1
    const ours = await federatingHausbote(join(directory, scenario), authority, `127.${net}.200.1`)
    const compared = plan.compare && (scenario === 'receiving' || scenario === 'joining')
    const theirs = compared
      ? await federatingSynapse(join(directory, `${scenario}-synapse`), authority, `127.${net}.200.2`)
      : undefined
    figures.push(...(await measures[scenario]({ authority, net, quick: plan.quick, servers: theirs ? [ours, theirs] : [ours] })))
  }
  return figures
}

interface Scene {
  readonly authority: Authority
  readonly net: number
  readonly quick: boolean
  readonly servers: readonly Federating[]
}

/** Runs something on each of the servers, which have been started once before: the first start compiles everything. */
async function onEach<Result>(
  { authority, net, servers }: Scene,
  count: number,
  measure: (measured: Federating, peers: Peers) => Promise<Result>,
): Promise<Map<string, Result>> {
  const results = new Map<string, Result>()
  for (const measured of servers) {
    const { server } = measured
    const peers = await startPeers(authority, count, net)
    await server.start()
    await server.stop()
    await server.start()
    results.set(server.name, await measure(measured, peers))
    await server.stop()
    await peers.close()
  }
  return results
}

const pick = <Result>(results: ReadonlyMap<string, Result>, value: (result: Result) => number) =>
  new Map([...results].map(([name, result]) => [name, value(result)]))

async function receiving(scene: Scene) {
  const results: Map<string, ReceivingResult> = await onEach(scene, 1, (measured, peers) =>
    measureReceiving(measured, peers, scene.quick ? 1000 : 5500),
  )
  const of = 'receiving'
  return [
    figure(
      { of, what: 'events of one server', unit: '/s', goal: { atLeast: 400 } },
      pick(results, (r) => r.perSecond),
    ),
    figure(
      { of, what: 'a local sender meanwhile, median', unit: 'ms', goal: { atMost: 20 } },
      pick(results, (r) => r.senderP50),
    ),
    figure(
      { of, what: 'a local sender meanwhile, 99th percentile', unit: 'ms' },
      pick(results, (r) => r.senderP99),
    ),
  ]
}

async function joining(scene: Scene) {
  const members = scene.quick ? 500 : 10_000
  const results: Map<string, JoiningResult> = await onEach(scene, scene.quick ? 10 : 100, (measured, peers) =>
    measureJoining(measured, peers, members),
  )
  const of = 'joining'
  const room = `a room of ${members.toLocaleString('en')} members of 100 servers`
  return [
    figure(
      { of, what: `join of ${room}`, unit: 's', goal: { atMost: 10 } },
      pick(results, (r) => r.seconds),
    ),
    figure(
      { of, what: 'peak of memory (RSS)', unit: 'MB', goal: { atMost: 300 } },
      pick(results, (r) => r.megabytes),
    ),
    figure(
      { of, what: 'the first message after it', unit: 'ms' },
      pick(results, (r) => r.firstSend),
    ),
  ]
}

async function manyServers(scene: Scene) {
  const results = await onEach(scene, scene.quick ? 100 : 1000, (measured, peers) =>
    measureManyServers(measured, peers, scene.quick),
  )
  const of = 'many-servers'
  const part = (what: string, unit: string, atMost: number | undefined, value: Parameters<typeof pick<Result>>[1]) =>
    figure({ of, what, unit, ...(atMost !== undefined && { goal: { atMost } }) }, pick(results, value))
  return [
    part('a message to 1,000 servers is answered', 'ms', 20, (r) => r.answered),
    part('the last server has it, the first time', 's', 10, (r) => r.firstOut),
    part('the last server has it, later', 's', 10, (r) => r.laterOut),
    part('peak of memory meanwhile (RSS)', 'MB', 150, (r) => r.megabytes),
    part('all of them away: CPU in the first minute', '% of a core', undefined, (r) => r.awayFirst),
    part('all of them away: CPU in the third minute', '% of a core', 1, (r) => r.awayLater),
  ]
}
type Result = Awaited<ReturnType<typeof measureManyServers>>

async function conflicts(scene: Scene) {
  const sizes = scene.quick ? [50, 500] : [100, 1000, 10_000]
  const results = await onEach(scene, 1, (measured, peers) => measureConflicts(measured, peers, sizes))
  const bySize = results.get('hausbote')
  return sizes.map((size) =>
    figureOf({ name: 'hausbote' }, bySize?.get(size), {
      of: 'conflicts',
      what: `two topics at once and what stands on both, room of ${size.toLocaleString('en')}`,
      unit: 'ms',
    }),
  )
}

const measures = { receiving, joining, 'many-servers': manyServers, conflicts }
