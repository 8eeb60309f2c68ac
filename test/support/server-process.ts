import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A real server in a process of its own, on a free port and a temporary directory. */
export interface ServerProcess {
  /** Stays the same over restarts. */
  readonly url: string
  readonly directory: string
  readonly pid: number
  /** All that it has printed, from the first start on: the announcement and the log. */
  readonly output: string
  /** Asks it to stop, resolves with how it ended. Nothing happens where it has ended already. */
  stop(signal?: 'SIGTERM' | 'SIGINT'): Promise<Ending>
  /** The nearest thing to a power cut (SIGKILL): it can finish nothing. */
  kill(): Promise<Ending>
  /** Starts again on the same data and port, after stopping what still runs; `settings` are added to those there were. */
  restart(settings?: Settings): Promise<void>
  /** An owner's command, as `npm run hausbote -- WORDS` does it. */
  command(words: readonly string[], input?: string): Promise<Run>
  /** Ends it and removes its data. */
  remove(): Promise<void>
}

/** Environment variables, as in docs/configuration.md. */
type Settings = Readonly<Record<string, string>>

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program that ran to its end. */
export interface Run extends Ending {
  readonly out: string
  readonly err: string
}

const root = resolve(import.meta.dirname, '..', '..')
const environment = {
  PATH: process.env.PATH,
  // As scripts/run.mjs does: stripping types at each start takes half a second.
  NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'),
  // Serves at once; tests of the owner's page set an address.
  HAUSBOTE_SETUP_LISTEN: 'off',
}
const announcement = /^Hausbote serves \S+ at (http:\S+)$/m

/** Resolves once the server has printed its address; rejects with what it said when it ends before that. */
export async function startServerProcess(settings: Settings = {}): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-'))
  let current: Settings = { HAUSBOTE_DATA_DIR: directory, HAUSBOTE_LISTEN: '127.0.0.1:0', ...settings }
  let output = ''
  const start = () => launch(current, (text) => (output += text))
  let running = await start()
  const { url } = running
  current = { ...current, HAUSBOTE_LISTEN: new URL(url).host }

  return {
    url,
    directory,
    get pid() {
      return running.child.pid ?? 0
    },
    get output() {
      return output
    },
    stop: (signal = 'SIGTERM') => end(running, signal),
    kill: () => end(running, 'SIGKILL'),
    async restart(more) {
      await end(running, 'SIGTERM')
      current = { ...current, ...more }
      running = await start()
    },
    command: (words, input) => runProgram(['src/cli.ts', ...words], current, input),
    async remove() {
      await end(running, 'SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Runs a program of the repository under these settings until it ends. */
export function runProgram(words: readonly string[], settings: Settings, input = ''): Promise<Run> {
  const child = spawn(process.execPath, words, { cwd: root, env: { ...environment, ...settings } })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  // A program that does not want its input closes it.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return new Promise((done) => child.on('close', (code, signal) => done({ code, signal, out, err })))
}

interface Running {
  readonly child: ChildProcess
  readonly url: string
  readonly ended: Promise<Ending>
}

async function launch(settings: Settings, onOutput: (text: string) => void): Promise<Running> {
  const child = spawn(process.execPath, ['--max-semi-space-size=4', 'src/main.ts'], {
    cwd: root,
    env: { ...environment, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const killChild = () => child.kill('SIGKILL')
  process.once('exit', killChild)
  const ended = new Promise<Ending>((done) => {
    child.on('close', (code, signal) => {
      process.off('exit', killChild)
      done({ code, signal })
    })
  })
  const url = await new Promise<string>((announced, failed) => {
    let said = ''
    const onText = (text: string) => {
      said += text
      onOutput(text)
      const address = announcement.exec(said)?.[1]
      if (address !== undefined) announced(address)
    }
    child.stdout.setEncoding('utf8').on('data', onText)
    child.stderr.setEncoding('utf8').on('data', onText)
    void ended.then(({ code, signal }) => failed(new Error(`the server ended (${signal ?? code}) and said:\n${said}`)))
  })
  return { child, url, ended }
}

function end({ child, ended }: Running, signal: NodeJS.Signals): Promise<Ending> {
  child.kill(signal)
  return ended
}
