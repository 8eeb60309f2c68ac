// At each start: reads hausbote.toml on the boot partition, does what is the machine's part of it, and hands the rest to the server
// (docs/provisioning.md). Half of a file would be worse than none: with any problem nothing of it is used, and what was
// read before still holds.
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { checkProvisioning } from '../../src/setup/provisioning.ts'
import { places, user } from './places.ts'
import { readBoxTable } from './provisioning.ts'
import { replaceFile, sync } from './update-state.ts'

const file = `${places.boot}/hausbote.toml`
const kept = '/var/lib/hausbote-box/hausbote.toml'
const problemsFile = `${places.boot}/PROBLEMS.txt`

mkdirSync('/run/systemd/network', { recursive: true })
const fresh = existsSync(file) ? readFileSync(file, 'utf8') : undefined
const { problems, table } = check(fresh ?? (existsSync(kept) ? readFileSync(kept, 'utf8') : ''))
if (problems.length > 0) {
  writeFileSync('/run/hausbote/provisioning-problems', problems.map((problem) => `hausbote.toml: ${problem}\n`).join(''))
  writeFileSync(problemsFile, problems.map((problem) => `hausbote.toml: ${problem}\r\n`).join(''))
} else if (existsSync(problemsFile)) rmSync(problemsFile)
// Taking the file away again changes nothing; a file that is there again does.
if (fresh !== undefined && problems.length === 0) replaceFile(kept, fresh, 0o600)
const text = existsSync(kept) ? readFileSync(kept, 'utf8') : ''
const { answers } = readBoxTable(fresh === text ? table : check(text).table)

if (answers.name !== undefined) writeFileSync('/proc/sys/kernel/hostname', answers.name)
if (answers.network !== undefined) writeFileSync('/run/systemd/network/50-provisioned.network', answers.network)
if (answers.updateSource !== undefined) replaceFile('/var/lib/hausbote-box/update-source', answers.updateSource)
if (answers.sshKey !== undefined) replaceFile('/var/lib/hausbote-box/ssh/authorized_keys', `${answers.sshKey}\n`)
writeFileSync('/run/hausbote/environment', answers.environment)
chmodSync('/run/hausbote/environment', 0o600)
// For the server, which alone may read it: it can hold a passphrase.
const handed = '/run/hausbote/hausbote.toml'
writeFileSync(handed, text, { mode: 0o600 })
chownSync(handed, user, user)
sync(places.boot)

function check(toml: string): { readonly problems: readonly string[]; readonly table: unknown } {
  try {
    const content = parse(toml)
    const server = checkProvisioning(content)
    return {
      problems: [...('problems' in server ? server.problems : []), ...readBoxTable(content.box).problems],
      table: content.box,
    }
  } catch (error) {
    return { problems: [(error as Error).message.split('\n')[0] ?? 'cannot be read'], table: undefined }
  }
}
