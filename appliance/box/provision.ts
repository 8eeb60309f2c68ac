// At each start: reads hausbote.toml on the boot partition, does what is the machine's part of it, and hands the rest to the server.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { places } from './places.ts'
import { readProvisioning } from './provisioning.ts'
import { replaceFile, sync } from './update-state.ts'

const file = `${places.boot}/hausbote.toml`
const kept = '/var/lib/hausbote-box/hausbote.toml'
const problemsFile = `${places.boot}/PROBLEMS.txt`

mkdirSync('/run/systemd/network', { recursive: true })
const text = existsSync(file) ? readFileSync(file, 'utf8') : existsSync(kept) ? readFileSync(kept, 'utf8') : ''
const { answers, problems } = readProvisioning(parseText(text))
if (problems.length > 0) {
  writeFileSync('/run/hausbote/provisioning-problems', problems.map((problem) => `hausbote.toml: ${problem}\n`).join(''))
  writeFileSync(problemsFile, problems.map((problem) => `hausbote.toml: ${problem}\r\n`).join(''))
} else if (existsSync(problemsFile)) rmSync(problemsFile)
// A stick that is taken away again changes nothing; a file that is there again does.
if (existsSync(file) && problems.length === 0) replaceFile(kept, text)

if (answers.name !== undefined) spawnSync('/usr/bin/hostnamectl', ['hostname', '--transient', answers.name])
if (answers.network !== undefined) writeFileSync('/run/systemd/network/50-provisioned.network', answers.network)
if (answers.updateSource !== undefined) replaceFile('/var/lib/hausbote-box/update-source', answers.updateSource)
if (answers.sshKey !== undefined) replaceFile('/var/lib/hausbote-box/ssh/authorized_keys', `${answers.sshKey}\n`)
writeFileSync('/run/hausbote/environment', answers.environment)
chmodSync('/run/hausbote/environment', 0o600)
if (existsSync(file) || problems.length > 0) sync(places.boot)

function parseText(toml: string): unknown {
  try {
    return parse(toml)
  } catch (error) {
    return { error: (error as Error).message.split('\n')[0] }
  }
}
