#!/usr/bin/env node
// Load for any Matrix homeserver, through its public client-server API. README.md says what each figure means.

import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { quietMachine, settled } from './lib/measure.mjs'
import { comparison, line, medians } from './lib/report.mjs'
import { createTarget } from './lib/target.mjs'

const scenarioNames = [
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
]

const usage = `usage: load.mjs --url URL --register WAY [--pid PID…] [--db-path PATH…]
       load.mjs --target NAME=URL,register=WAY[,pid=PID+PID][,db=PATH+PATH] --target …
  --register   shared-secret:SECRET | open | token:TOKEN | admin:ACCESS_TOKEN
  --scenario   one or more of: ${scenarioNames.join(' ')} (default: all)
  --rounds N   each scenario N times on each target, in turn (default 1)
  --set SCENARIO.PARAMETER=VALUE[,VALUE…]   see the head of each file in scenarios/
  --patience S wait up to S seconds before each turn for the rest of the machine to be quiet (default 0)
  --quick      small numbers, to see that everything works
  --json FILE  all results`

/** The command line as { targets, scenarios, rounds, … }; throws with what is wrong with it. */
function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true, // `--scenario send wake` is as good as naming the option twice
    options: {
      url: { type: 'string' },
      register: { type: 'string' },
      name: { type: 'string', default: 'server' },
      pid: { type: 'string', multiple: true, default: [] },
      'db-path': { type: 'string', multiple: true, default: [] },
      target: { type: 'string', multiple: true, default: [] },
      scenario: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '1' },
      set: { type: 'string', multiple: true, default: [] },
      patience: { type: 'string', default: '0' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  })
  const targets = values.target.map(readTarget)
  if (values.url)
    targets.push({
      name: values.name,
      url: values.url,
      register: values.register,
      pids: values.pid.flatMap((list) => list.split(',')).map(Number),
      database: values['db-path'],
    })
  if (targets.length === 0) throw new Error('no --url and no --target')
  for (const { name, register } of targets) if (!register) throw new Error(`${name}: how are users registered there?`)
  const scenarios = [...values.scenario, ...positionals]
  for (const name of scenarios) if (!scenarioNames.includes(name)) throw new Error(`no scenario ${name}`)
  return {
    targets,
    scenarios: scenarios.length ? scenarios : scenarioNames,
    rounds: Number(values.rounds),
    settings: values.set.map(readSetting),
    patience: Number(values.patience) * 1000,
    quick: values.quick,
    json: values.json,
  }
}

function readTarget(text) {
  const [, name, url, rest] = /^([^=]+)=([^,]+)(.*)$/.exec(text) ?? []
  if (!url) throw new Error(`--target: not NAME=URL,…: ${text}`)
  const options = Object.fromEntries(
    rest
      .split(',')
      .filter(Boolean)
      .map((pair) => pair.split(/=(.*)/s)),
  )
  return { name, url, register: options.register, pids: options.pid?.split('+').map(Number), database: options.db?.split('+') }
}

function readSetting(text) {
  const [, scenario, parameter, value] = /^([\w-]+)\.(\w+)=(.+)$/.exec(text) ?? []
  if (!value) throw new Error(`--set: not SCENARIO.PARAMETER=VALUE: ${text}`)
  return { scenario, parameter, value }
}

/** A scenario's parameters as set: of the same type as its own. */
function parametersOf({ parameters, quick = {} }, name, settings, small) {
  const chosen = { ...parameters, ...(small && quick) }
  for (const { parameter, value } of settings.filter(({ scenario }) => scenario === name)) {
    if (!Object.hasOwn(parameters, parameter))
      throw new Error(`--set: ${name} has no ${parameter}, only ${Object.keys(parameters).join(', ')}`)
    const like = [parameters[parameter]].flat()[0]
    const items = value.split(',').map((item) => (typeof like === 'number' ? Number(item) : item))
    chosen[parameter] = Array.isArray(parameters[parameter]) ? items : items[0]
  }
  return chosen
}

async function main({ targets: descriptions, scenarios, rounds, settings, patience, quick, json }) {
  const run = Date.now().toString(36)
  const plan = await Promise.all(
    scenarios.map(async (name) => {
      const scenario = await import(`./scenarios/${name}.mjs`)
      return { name, run: scenario.run, parameters: parametersOf(scenario, name, settings, quick) }
    }),
  )
  const targets = descriptions.map((description) => createTarget(description, run))
  const report = {
    began: new Date().toISOString(),
    generator: { node: process.version },
    machine: { cpus: cpus().length, model: cpus()[0]?.model, memoryBytes: totalmem(), kernel: release() },
    targets: descriptions.map(({ name, register }) => ({ name, register: register.split(':')[0] })),
    parameters: Object.fromEntries(plan.map(({ name, parameters }) => [name, parameters])),
    atStart: {},
    atEnd: {},
    results: [],
  }
  const add = (result) => {
    report.results.push(result)
    console.log(line(result))
    save()
  }
  const save = () => {
    report.medians = medians(report.results)
    report.ended = new Date().toISOString()
    if (json) writeFileSync(json, JSON.stringify(report, null, 1))
  }

  for (const target of targets) {
    await settled(target, 15_000)
    report.atStart[target.name] = target.facts()
  }
  for (const scenario of plan) {
    for (let round = 1; round <= Math.min(rounds, scenario.parameters.rounds ?? rounds); round++) {
      for (const target of targets) {
        // the same work on each target in turn, close together in time
        const turn = { target: target.name, scenario: scenario.name, round }
        await quietMachine(targets, patience)
        try {
          for await (const result of scenario.run({ target, round, parameters: scenario.parameters })) add({ ...turn, ...result })
        } catch (error) {
          add({ ...turn, label: scenario.name, error: error.message })
        }
      }
    }
  }
  for (const target of targets) report.atEnd[target.name] = target.facts()
  save()
  console.log(
    `\n${comparison(
      report.medians,
      targets.map((target) => target.name),
    )}`,
  )
  return report.results.every(({ error, errors, lost }) => !error && !errors && !(lost > 0))
}

let given
try {
  given = readArguments()
} catch (error) {
  console.error(`${error.message}\n${usage}`)
  process.exit(64)
}
process.exit((await main(given)) ? 0 : 1)
