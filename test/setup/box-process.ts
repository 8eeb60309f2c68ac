import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A box with its owner's page, in a process of its own. */
export interface BoxProcess {
  /** Of the page. */
  readonly page: string
  /** Where clients reach the messenger once it runs. */
  readonly messenger: string
  readonly directory: string
  /** The code that it printed last. */
  readonly code: string
  /** All that it has printed. */
  readonly output: string
  kill(): Promise<void>
  /** Starts again on the same data and addresses. */
  start(): Promise<void>
  /** Ends it and removes its data. */
  remove(): Promise<void>
}

const root = resolve(import.meta.dirname, '..', '..')

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

/** Starts one; resolves once its page answers. */
export async function startBox(settings: Readonly<Record<string, string>> = {}): Promise<BoxProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-box-'))
  const [pagePort, messengerPort] = [await freePort(), await freePort()]
  const environment = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'),
    HAUSBOTE_DATA_DIR: directory,
    HAUSBOTE_LISTEN: `127.0.0.1:${messengerPort}`,
    HAUSBOTE_SETUP_LISTEN: `127.0.0.1:${pagePort}`,
    HAUSBOTE_RATE_LIMITS: 'off',
    HAUSBOTE_LOG_LEVEL: 'warn',
    ...settings,
  }
  let output = ''
  let running: { readonly child: ChildProcess; readonly ended: Promise<unknown> } | undefined

  async function start(): Promise<void> {
    const child = spawn(process.execPath, ['src/main.ts'], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    const killChild = () => child.kill('SIGKILL')
    process.once('exit', killChild)
    const ended = new Promise((done) => child.on('close', done)).finally(() => process.off('exit', killChild))
    running = { child, ended }
    const before = output.length
    await new Promise<void>((ready, failed) => {
      const onText = (text: string) => {
        output += text
        if (output.slice(before).includes(`:${pagePort}`)) ready()
      }
      child.stdout.setEncoding('utf8').on('data', onText)
      child.stderr.setEncoding('utf8').on('data', onText)
      void ended.then(() => failed(new Error(`the box ended and said:\n${output.slice(before)}`)))
    })
  }

  async function kill(): Promise<void> {
    running?.child.kill('SIGKILL')
    await running?.ended
  }

  await start()
  return {
    page: `http://127.0.0.1:${pagePort}`,
    messenger: `http://127.0.0.1:${messengerPort}`,
    directory,
    get code() {
      return [...output.matchAll(/Code: (\S+)/g)].at(-1)?.[1] ?? ''
    },
    get output() {
      return output
    },
    kill,
    start,
    async remove() {
      await kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
