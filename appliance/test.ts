// Boots the image in QEMU: `npm run appliance:test -- [--all] [--only NAME ...] [--folder DIR]`. Results go to docs/appliance-tests.md by hand.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { firstBoot } from './test/first-boot.ts'
import { createKit, type Kit, type Which } from './test/kit.ts'
import { tpm } from './test/tpm.ts'
import { arm64, memory, noNetwork, reset } from './test/trouble.ts'
import { migration, panic, powerCuts, rollback, update } from './test/update.ts'

const quick: Readonly<Record<string, (kit: Kit) => Promise<void>>> = { 'first-boot': firstBoot }
const long = { update, rollback, panic, migration, 'power-cuts': powerCuts, tpm, reset, 'no-network': noNetwork, memory, arm64 }
const every = { ...quick, ...long }

const { values } = parseArgs({
  options: { all: { type: 'boolean', default: false }, only: { type: 'string', multiple: true }, folder: { type: 'string' } },
})
const root = resolve(import.meta.dirname, '..')
const folder = resolve(values.folder ?? join(root, 'build', 'appliance-test'))
const names = values.only ?? Object.keys(values.all ? every : quick)
const unknown = names.filter((name) => !Object.hasOwn(every, name))
if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${Object.keys(every).join(', ')}`)
mkdirSync(folder, { recursive: true })

/** Signs the updates of the tests, and is believed by their images only. */
const keys = { secret: join(folder, 'key.pem'), open: join(folder, 'key-public.pem') }
if (!existsSync(keys.open)) {
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', keys.secret])
  execFileSync('openssl', ['pkey', '-in', keys.secret, '-pubout', '-out', keys.open])
}

const versions: Readonly<Record<Which, string>> = {
  old: '0.2.0',
  new: '0.2.1',
  broken: '0.2.2',
  panicking: '0.2.2',
  migration: '0.2.3',
  measured: '0.2.0',
  arm64: '0.2.0',
}

/** What is wrong with a release that shall not work. */
const faults: Partial<Record<Which, Readonly<Record<string, string>>>> = {
  broken: { 'usr/lib/hausbote/bundle/main.js': "process.stderr.write('broken on purpose\\n')\nprocess.exit(1)\n" },
  panicking: { 'usr/lib/systemd/systemd': 'not a program\n' },
  measured: {
    'usr/lib/systemd/system/hausbote-console.service.d/measure.conf':
      '[Service]\nExecStartPost=/bin/sh -c \'grep -E "^Mem(Total|Available)" /proc/meminfo >/dev/console\'\n',
  },
  // Changes the schema, answers, and does not stay up.
  migration: {
    'usr/lib/hausbote/drizzle/9999_more.sql': 'CREATE TABLE more (line TEXT);\n',
    'usr/lib/systemd/system/hausbote.service.d/fault.conf': '[Service]\nRuntimeMaxSec=5\n',
  },
}

async function build(which: Which): Promise<string> {
  const out = join(folder, `release-${which}`)
  if (existsSync(join(out, 'SHA256SUMS'))) return out
  say(`building ${which} (${versions[which]})`)
  const words = ['--version', versions[which], '--out', out, '--key', keys.secret, '--trust-key', keys.open]
  if (which === 'arm64') words.push('--arch', 'arm64')
  const overlay = join(folder, `overlay-${which}`)
  rmSync(overlay, { recursive: true, force: true })
  for (const [path, content] of Object.entries(faults[which] ?? {})) {
    mkdirSync(join(overlay, path, '..'), { recursive: true })
    writeFileSync(join(overlay, path), content)
  }
  if (existsSync(overlay)) words.push('--overlay', overlay)
  execFileSync(process.execPath, [join(root, 'appliance/build.ts'), ...words], { stdio: ['ignore', 'ignore', 'inherit'] })
  return out
}

function say(text: string): void {
  process.stdout.write(`   ${text}\n`)
}

let failed = 0
for (const name of names) {
  process.stdout.write(`== ${name}\n`)
  const began = performance.now()
  try {
    await every[name as keyof typeof every]?.(createKit(join(folder, name), build, say))
    process.stdout.write(`== ${name}: passed in ${Math.round((performance.now() - began) / 1000)} s\n`)
  } catch (error) {
    failed++
    process.stdout.write(`== ${name}: failed\n${(error as Error).stack}\n`)
  }
}
process.stdout.write(`${names.length - failed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
