#!/usr/bin/env node
// How long from starting a command until a URL answers 200:
//
//   node cold-start.mjs --url http://127.0.0.1:8008/_matrix/client/versions [--times 5] [--limit 60] -- COMMAND…
//
// prints one JSON line. The command runs in a process group of its own, which gets SIGTERM after each measurement.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { median } from './lib/timings.mjs'

const interval = 5

const separator = process.argv.indexOf('--')
const [command, ...argv] = separator < 0 ? [] : process.argv.slice(separator + 1)
const {
  values: { url, times, limit },
} = parseArgs({
  args: process.argv.slice(2, separator < 0 ? undefined : separator),
  options: { url: { type: 'string' }, times: { type: 'string', default: '5' }, limit: { type: 'string', default: '60' } },
})
if (!url || !command) {
  console.error('usage: cold-start.mjs --url URL [--times N] [--limit SECONDS] -- COMMAND…')
  process.exit(64)
}

const answers = () =>
  new Promise((resolve) => {
    get(url, { agent: false }, (response) => resolve(response.resume().statusCode === 200)).once('error', () => resolve(false))
  })

async function coldStart() {
  if (await answers()) throw new Error(`${url} answers already`)
  const began = performance.now()
  const child = spawn(command, argv, { detached: true, stdio: ['ignore', 'ignore', 'inherit'] })
  const exit = once(child, 'exit')
  try {
    while (!(await answers())) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${command} ended before it answered`)
      if (performance.now() - began > limit * 1000) throw new Error(`no answer within ${limit} s`)
      await sleep(interval)
    }
    return performance.now() - began
  } finally {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGTERM')
    await exit
  }
}

try {
  const ms = []
  for (let time = 0; time < Number(times); time++) ms.push(Math.round(await coldStart()))
  console.log(JSON.stringify({ url, ms, median: median(ms), min: Math.min(...ms), max: Math.max(...ms) }))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
