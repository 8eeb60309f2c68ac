// The owner's commands: `npm run hausbote -- user add NAME`. A running server carries them out; otherwise this process does.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Refusal } from './accounts/administration.ts'
import { type Command, readCommand, runCommand } from './accounts/commands.ts'
import { askServer } from './accounts/control.ts'
import type { App } from './app.ts'
import { effectiveConfig, isNameless } from './box/effective-config.ts'
import { ConfigProblems, loadConfig } from './config.ts'
import type { KeyCommand, KeyRotation } from './federation/key-commands.ts'
import { BackupProblem } from './operations/backup/problems.ts'
import { type CommandLine, isOperation, operationsUsage, runOperation, UsageProblem } from './operations/command-line.ts'
import type { OperationsCommand } from './operations/commands.ts'
import { writeFileDurably } from './operations/durable-file.ts'
import { systemClock, systemTimers } from './platform/clock.ts'
import { silentLog } from './platform/log.ts'
import { randomLetters, systemRandom } from './platform/random.ts'
import { isSetup, runSetup, SetupUsageProblem, setupUsage, WrongFile } from './setup/command-line.ts'
import type { SetupCommand } from './setup/commands.ts'
import { StorageProblem } from './storage/problems.ts'
import type { Storage } from './storage/storage.ts'

type AnyCommand = Command | OperationsCommand | KeyCommand | SetupCommand

const usage = `Usage: npm run hausbote -- COMMAND

  user add NAME [--admin] [--password-stdin]   make an account; asks for a password, or makes one up
  user password NAME [--password-stdin]        set a password anew and sign the user out everywhere
  user list                                    show all accounts
  token add [--uses N] [--expires TIME]        make a token that people register with; TIME such as 90m, 12h, 7d
  key rotate                                   sign with a new key from now on; what the one before signed stays valid
${setupUsage}${operationsUsage}`

/** Exit codes: refused, wrong use (EX_USAGE), wrong configuration (EX_CONFIG). */
const exitCodes = { refused: 1, usage: 64, config: 78 }

const config = readConfig()
/** Does what no running server can be asked for. */
let here: App | undefined
let ground: Storage | undefined
try {
  const words = process.argv.slice(2)
  if (isSetup(words)) await runSetup(words, { say, ask: run, keepKey })
  else await (isOperation(words) ? runOperation(words, await commandLine()) : main(words))
} catch (error) {
  if (error instanceof UsageProblem || error instanceof SetupUsageProblem) fail(`${error.message}\n\n${usage}`, exitCodes.usage)
  if (error instanceof StorageProblem || error instanceof BackupProblem || error instanceof WrongFile)
    fail(error.message, exitCodes.refused)
  throw error
} finally {
  await here?.close()
  await ground?.close()
}

async function main(words: string[]): Promise<void> {
  const { positionals, values } = readArguments(words)
  const [noun = '', verb = '', name, ...more] = positionals
  const named = noun === 'user' && verb !== 'list'
  if (more.length > 0 || (!named && name !== undefined))
    throw new UsageProblem(`There are too many words: ${positionals.join(' ')}`)
  if (named && name === undefined) throw new UsageProblem('The name of the user is missing.')
  const only = (...options: (keyof typeof values)[]) => {
    const other = (Object.keys(values) as (keyof typeof values)[]).find((option) => !options.includes(option))
    if (other) throw new UsageProblem(`--${other} does not belong to "${noun} ${verb}".`)
  }
  switch (`${noun} ${verb}`) {
    case 'user add':
      only('admin', 'password-stdin')
      return addUser(name ?? '', values.admin === true, values['password-stdin'] === true)
    case 'user password':
      only('password-stdin')
      return setPassword(name ?? '', values['password-stdin'] === true)
    case 'user list':
      only()
      return listUsers()
    case 'token add':
      only('uses', 'expires')
      return addToken(values.uses, values.expires)
    case 'key rotate':
      only()
      return rotateKey()
    default:
      throw new UsageProblem(positionals.length === 0 ? 'The command is missing.' : `There is no command "${noun} ${verb}".`)
  }
}

function readArguments(words: string[]) {
  try {
    return parseArgs({
      args: words,
      allowPositionals: true,
      options: {
        admin: { type: 'boolean' },
        'password-stdin': { type: 'boolean' },
        uses: { type: 'string' },
        expires: { type: 'string' },
      },
    })
  } catch (error) {
    throw new UsageProblem((error as Error).message)
  }
}

async function addUser(name: string, admin: boolean, fromInput: boolean): Promise<void> {
  const { password, generated } = await newPassword(fromInput)
  const { userId } = await run<{ userId: string }>({ command: 'user add', name, password, admin })
  say(`${userId} has an account now.`)
  if (generated) say(`Password (shown only this once): ${password}`)
}

async function setPassword(name: string, fromInput: boolean): Promise<void> {
  const { password, generated } = await newPassword(fromInput)
  const { userId } = await run<{ userId: string }>({ command: 'user password', name, password })
  say(`${userId} has a new password and is signed out everywhere.`)
  if (generated) say(`Password (shown only this once): ${password}`)
}

async function listUsers(): Promise<void> {
  type Listed = { userId: string; admin: boolean; deactivated: boolean; createdAt: number }
  const { users } = await run<{ users: Listed[] }>({ command: 'user list' })
  for (const { userId, admin, deactivated, createdAt } of users) {
    const remarks = [admin && 'administrator', deactivated && 'deactivated'].filter(Boolean).join(', ')
    say(`${userId}  since ${new Date(createdAt).toISOString().slice(0, 10)}${remarks && `  ${remarks}`}`)
  }
  if (users.length === 0) say('There are no accounts yet.')
}

async function addToken(uses: string | undefined, expires: string | undefined): Promise<void> {
  const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
  const time = /^([1-9]\d{0,3})([mhdw])$/.exec(expires ?? '')
  if (uses !== undefined && !/^[1-9]\d{0,5}$/.test(uses)) throw new UsageProblem('--uses must be a whole number from 1.')
  if (expires !== undefined && !time) throw new UsageProblem('--expires must be a time such as 90m, 12h, 7d or 4w.')
  const { token } = await run<{ token: string }>({
    command: 'token add',
    uses: uses === undefined ? null : Number(uses),
    validFor: time ? Number(time[1]) * (units[time[2] ?? ''] ?? 0) : null,
  })
  say(`Registration token (shown only this once): ${token}`)
  if (config.registration !== 'token') say('It is of use once HAUSBOTE_REGISTRATION is "token".')
}

async function rotateKey(): Promise<void> {
  const { keyId, before } = await run<KeyRotation>({ command: 'key rotate' })
  say(`The server signs with ${keyId} now, and no longer with ${before}.`)
  say('Backups from before hold the old key only: make a new one.')
}

/** Has the running server carry out a command, or does it in this process. Ends the process if it is refused. */
async function run<Result>(command: AnyCommand): Promise<Result> {
  const answer = (await carryOut(command)) as Result | Refusal
  if (typeof answer === 'object' && answer !== null && 'refused' in answer) fail(answer.refused, exitCodes.refused)
  return answer as Result
}

async function carryOut(command: AnyCommand): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = here ? undefined : await askServer(config.data_dir, command)
    if (answer !== undefined) return answer
    try {
      return await carryOutHere(command)
    } catch (error) {
      // A server that is just starting or stopping holds the directory, but does not listen.
      if (!(error instanceof StorageProblem && error.kind === 'in-use') || attempt === 10) throw error
      await new Promise<void>((resolve) => systemTimers.after(200, resolve))
    }
  }
}

async function carryOutHere(command: AnyCommand): Promise<object | undefined> {
  const { createApp } = await import('./app.ts')
  const { openGround } = await import('./ground.ts')
  const { commandsWithoutServer } = await import('./box/owner-commands.ts')
  const platform = { clock: systemClock, timers: systemTimers, random: systemRandom, log: silentLog, environment: process.env }
  const onFatal = (problem: StorageProblem) => fail(problem.message, exitCodes.refused)
  ground ??= openGround(config, platform, onFatal)
  if (isNameless(config, ground.reader))
    fail('This server has no name yet: start it, open its page and set it up first.', exitCodes.refused)
  const effective = effectiveConfig(config, ground.reader)
  here ??= await createApp(effective, platform, onFatal, ground)
  const line = JSON.stringify(command)
  const known = readCommand(line)
  return known ? runCommand(here.administration, known) : commandsWithoutServer(here, effective, platform)(line)
}

async function keepKey(content: string): Promise<void> {
  const { lockDirectory } = await import('./storage/lock.ts')
  const unlock = lockDirectory(config.data_dir)
  try {
    const file = join(config.data_dir, 'signing.key')
    if (existsSync(file)) fail(`There is a key already: ${file}`, exitCodes.refused)
    writeFileDurably(file, content)
  } finally {
    unlock()
  }
}

async function commandLine(): Promise<CommandLine> {
  const { migrations } = await import('./ground.ts')
  const directory = config.data_dir
  const platform = { clock: systemClock, timers: systemTimers, random: systemRandom, environment: process.env }
  return {
    say,
    ask: run,
    timers: systemTimers,
    readSecret: async (question) => (process.stdin.isTTY ? askSecret(question) : (await readInput()).replace(/\r?\n$/, '')),
    restore: { ...platform, directory, migrations, serverName: config.given.has('server_name') ? config.server_name : undefined },
  }
}

/** Typed at a terminal, read from standard input where that was asked for, else made up. */
async function newPassword(fromInput: boolean): Promise<{ password: string; generated: boolean }> {
  if (fromInput) return { password: (await readInput()).replace(/\r?\n$/, ''), generated: false }
  const password = process.stdin.isTTY ? await askTwice() : ''
  if (password !== '') return { password, generated: false }
  return { password: randomLetters(systemRandom, 20), generated: true }
}

async function askTwice(): Promise<string> {
  for (;;) {
    const password = await askSecret('Password (empty: one is made up): ')
    if (password === '' || password === (await askSecret('The same again: '))) return password
    say('These are two different passwords.')
  }
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Reads a line from the terminal without showing it. */
function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  stdin.setRawMode(true).setEncoding('utf8').resume()
  return new Promise((resolve) => {
    let typed = ''
    const onData = (text: string) => {
      for (const character of text) {
        if (character === '\x03') fail('\nCancelled.', 130)
        if (character === '\r' || character === '\n' || character === '\x04') {
          stdin.off('data', onData).setRawMode(false).pause()
          stderr.write('\n')
          return resolve(typed)
        }
        typed = character === '\x7f' || character === '\b' ? [...typed].slice(0, -1).join('') : typed + character
      }
    }
    stdin.on('data', onData)
  })
}

function readConfig() {
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (error instanceof ConfigProblems) fail(error.problems.join('\n'), exitCodes.config)
    throw error
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(message: string, code: number): never {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}
