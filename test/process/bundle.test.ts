import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { runProgram } from '../support/server-process.ts'
import { temporaryDirectory } from './kit.ts'

// What runs on the box is the bundle: it has to find its migrations, its threads and its processes where it lies.
let program: string
let built: { readonly code: number | null; readonly err: string }

beforeAll(async () => {
  program = join(process.cwd(), 'build', 'test-bundle')
  built = await runProgram(['scripts/bundle.ts', '--out', program], {})
})

interface Running {
  readonly child: ChildProcess
  readonly url: string
}

/** Starts the bundle as the box does: elsewhere, with nothing of the repository in its environment. */
async function start(directory: string): Promise<Running> {
  const child = spawn(process.execPath, [join(program, 'bundle', 'main.js')], {
    cwd: '/',
    env: {
      HAUSBOTE_DATA_DIR: directory,
      HAUSBOTE_LISTEN: '127.0.0.1:0',
      HAUSBOTE_SETUP_LISTEN: 'off',
      HAUSBOTE_REGISTRATION: 'open',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  const url = await new Promise<string>((announced, failed) => {
    const read = (text: string) => {
      said += text
      const address = /^Hausbote serves \S+ at (http:\S+)$/m.exec(said)?.[1]
      if (address !== undefined) announced(address)
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    child.once('close', (code) => failed(new Error(`the bundle ended (${code}) and said:\n${said}`)))
  })
  return { child, url }
}

async function account(url: string): Promise<string> {
  const body = JSON.stringify({ username: 'alice', password: 'a good password', auth: { type: 'm.login.dummy' } })
  const response = await fetch(`${url}/_matrix/client/v3/register`, { method: 'POST', body })
  const { access_token } = (await response.json()) as { access_token?: string }
  return access_token ?? `no account: ${response.status}`
}

test('the bundle holds the programs, the migrations, three binaries and the licences', () => {
  expect(built).toMatchObject({ code: 0, err: '' })
  const packages = JSON.parse(readFileSync(join(program, 'packages.json'), 'utf8')) as { name: string; license: string }[]
  expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['better-sqlite3', 'hono', 'sharp', 'typebox']))
  expect(packages.filter(({ license }) => license === 'unknown')).toEqual([])
  for (const file of ['bundle/main.js', 'bundle/cli.js', 'bundle/checkpoint-worker.js', 'drizzle', 'LICENSES.txt'])
    expect([file, existsSync(join(program, file))]).toEqual([file, true])
})

test('the bundle serves: it hashes a password, makes a thumbnail in its process, and stops in good order', async () => {
  const directory = temporaryDirectory()
  const { child, url } = await start(directory)
  const authorization = `Bearer ${await account(url)}`
  const picture = await sharp({ create: { width: 400, height: 300, channels: 3, background: 'teal' } })
    .png()
    .toBuffer()
  const uploaded = await fetch(`${url}/_matrix/media/v3/upload`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'image/png' },
    body: new Uint8Array(picture),
  })
  const { content_uri: uri } = (await uploaded.json()) as { content_uri: string }
  const path = uri.replace('mxc://', '/_matrix/client/v1/media/thumbnail/')
  const thumbnail = await fetch(`${url}${path}?width=320&height=240&method=scale`, { headers: { authorization } })
  expect(await sharp(Buffer.from(await thumbnail.arrayBuffer())).metadata()).toMatchObject({ width: 320, height: 240 })
  const ended = new Promise((done) => child.once('close', done))
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test('a new box shows its code and a QR code, and its page has its styles', async () => {
  const child = spawn(process.execPath, [join(program, 'bundle', 'main.js')], {
    cwd: '/',
    env: { HAUSBOTE_DATA_DIR: temporaryDirectory(), HAUSBOTE_SETUP_LISTEN: '127.0.0.1:0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  await expect.poll(() => said, { timeout: 15_000 }).toMatch(/Code: [0-9A-Z]{4}-[0-9A-Z]{4}.*\u2588/s)
  const page = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? ''
  const html = await (await fetch(page)).text()
  const styles = [...html.matchAll(/href="(\/assets\/[^"]+\.css)"/g)].map(([, path]) => path)
  expect(styles.length).toBeGreaterThan(0)
  for (const path of styles) expect([path, (await fetch(`${page}${path}`)).status]).toEqual([path, 200])
})

test('the bundled command line makes accounts for the server that runs', async () => {
  const directory = temporaryDirectory()
  await start(directory)
  const settings = { HAUSBOTE_DATA_DIR: directory }
  const run = await runProgram([join(program, 'bundle', 'cli.js'), 'user', 'add', 'bert'], settings)
  expect(run).toMatchObject({ code: 0, out: expect.stringContaining('@bert:localhost') })
})

test('a checkpoint moves the log into the database, in a thread of the bundle', async () => {
  const directory = temporaryDirectory()
  const { url } = await start(directory)
  const database = join(directory, 'hausbote.db')
  const before = readFileSync(database)
  expect(await account(url)).not.toMatch(/^no account/)
  await expect.poll(() => readFileSync(database).equals(before), { timeout: 10_000 }).toBe(false)
})
