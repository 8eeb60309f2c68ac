#!/usr/bin/env node
// Where the generator itself ends: the scenarios against a server that does nothing.
//
//   node ceiling.mjs [options of load.mjs]

import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'

const here = (name) => new URL(name, import.meta.url).pathname

const server = fork(here('lib/null-server.mjs'))
const [{ port }] = await once(server, 'message')
const load = spawn(
  process.execPath,
  [
    here('load.mjs'),
    '--name',
    'nothing',
    '--url',
    `http://127.0.0.1:${port}`,
    '--register',
    'open',
    '--pid',
    server.pid,
    ...(process.argv.includes('--scenario') ? [] : ['--scenario', 'send', 'history', 'wake']),
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
)
const [code] = await once(load, 'exit')
server.disconnect()
process.exitCode = code ?? 1
