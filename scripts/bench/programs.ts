import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..', '..')

type Environment = Readonly<Record<string, string | undefined>>

/** What a measured program inherits: no setting of the caller's own server. */
export const plainEnvironment: Environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('HAUSBOTE_') && name !== 'NODE_OPTIONS'),
)

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

function watched(child: ChildProcess): Promise<number | string> {
  running.add(child)
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('exit', (code, signal) => {
      running.delete(child)
      done(code ?? signal ?? 1)
    })
  })
}

/** A program that goes on in the background, its output in a file. */
export interface Background {
  readonly pid: number
  /** Resolves with the exit code or the signal. */
  readonly exit: Promise<number | string>
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
}

export function startProgram(command: readonly string[], environment: Environment, logFile: string): Background {
  const [program = '', ...words] = command
  const log = openSync(logFile, 'a')
  const child = spawn(program, words, { cwd: root, env: environment, stdio: ['ignore', log, log] })
  closeSync(log)
  const exit = watched(child)
  return {
    pid: child.pid ?? 0,
    exit,
    async stop() {
      child.kill('SIGTERM')
      await exit
    },
  }
}

/** Runs one of the load generator's programs to its end, and shows what it says; gives the exit code. */
export function runLoadProgram(file: string, words: readonly string[]): Promise<number | string> {
  return watched(spawn(process.execPath, [loadProgram(file), ...words], { stdio: 'inherit', env: plainEnvironment }))
}

/** Runs one of the load generator's programs that answers with one line of JSON. */
export async function askLoadProgram(file: string, words: readonly string[], environment: Environment): Promise<unknown> {
  const child = spawn(process.execPath, [loadProgram(file), ...words], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await watched(child)
  if (code !== 0) throw new Error(`${file} ended with ${code}`)
  return JSON.parse(said)
}

const loadProgram = (file: string) => join(root, 'scripts', 'load', file)

/** Asks until the URL answers 200; rejects with the end of the log when the program ends before, or after a minute. */
export async function answering(url: string, program: Background, logFile: string): Promise<void> {
  let ended: number | string | undefined
  void program.exit.then((code) => (ended = code))
  for (const deadline = performance.now() + 60_000; ended === undefined && performance.now() < deadline; ) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return
    await new Promise((later) => setTimeout(later, 20))
  }
  throw new Error(`${url} did not answer (${ended ?? 'still starting'}):\n${readFileSync(logFile, 'utf8').slice(-4000)}`)
}

/** A port of the loopback that is free at the moment. */
export function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address && typeof address === 'object' ? done(address.port) : failed(new Error('no port is free'))))
    })
  })
}
