import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { runProgram } from '../support/server-process.ts'
import { serverProcess, temporaryDirectory } from './kit.ts'

const program = ['src/main.ts']

test.each([
  [{ HAUSBOTE_LISTEN: 'nonsense' }, ['HAUSBOTE_LISTEN: must be host:port, for example 127.0.0.1:8008']],
  [
    { HAUSBOTE_CONFIG: '/nowhere/hausbote.toml' },
    [expect.stringMatching(/^HAUSBOTE_CONFIG: \/nowhere\/hausbote\.toml cannot be read: /)],
  ],
  [
    { HAUSBOTE_REGISTRATION: 'maybe', HAUSBOTE_MAX_UPLOAD_BYTES: '-1', HAUSBOTE_LISTENN: '127.0.0.1:1' },
    [
      'HAUSBOTE_LISTENN: there is no such setting',
      'HAUSBOTE_REGISTRATION: must be one of: closed, token, open',
      expect.stringMatching(/^HAUSBOTE_MAX_UPLOAD_BYTES: must be a whole number from /),
    ],
  ],
  [{ HAUSBOTE_SETUP_LISTEN: 'on' }, ['HAUSBOTE_SETUP_LISTEN: must be host:port, for example 127.0.0.1:8008']],
])('wrong settings %j are all named, with exit code 78', async (settings, problems) => {
  const { code, out, err } = await runProgram(program, { HAUSBOTE_DATA_DIR: temporaryDirectory(), ...settings })
  expect({ code, out, problems: err.trimEnd().split('\n') }).toEqual({ code: 78, out: '', problems })
})

test('a second server on the same data is refused, and the first goes on', async () => {
  const server = await serverProcess()
  const second = await runProgram(program, { HAUSBOTE_DATA_DIR: server.directory, HAUSBOTE_LISTEN: '127.0.0.1:0' })
  expect(second).toMatchObject({
    code: 1,
    out: '',
    err: `Hausbote did not start: Another Hausbote process uses the data directory ${server.directory}. Stop it first.\n`,
  })
  expect((await fetch(`${server.url}/_matrix/client/versions`)).status).toBe(200)
})

test.each(['HAUSBOTE_LISTEN', 'HAUSBOTE_METRICS_LISTEN'])('%s in use is named as the reason', async (setting) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  const address = `127.0.0.1:${(other.address() as { port: number }).port}`
  const settings = { HAUSBOTE_DATA_DIR: temporaryDirectory(), HAUSBOTE_LISTEN: '127.0.0.1:0', [setting]: address }
  expect(await runProgram(program, settings)).toMatchObject({
    code: 1,
    err: `Hausbote did not start: ${setting}: ${address} is in use by another program. Stop that, or choose another address.\n`,
  })
})

test('an address of another machine is named as such', async () => {
  const settings = { HAUSBOTE_DATA_DIR: temporaryDirectory(), HAUSBOTE_LISTEN: '192.0.2.1:8008' }
  const { code, err } = await runProgram(program, settings)
  expect([code, err]).toEqual([1, 'Hausbote did not start: HAUSBOTE_LISTEN: 192.0.2.1:8008 is no address of this machine.\n'])
})

test('a new server says how to make the first account, and no more once there is one', async () => {
  const server = await serverProcess()
  expect(server.output).toBe(
    `Hausbote serves localhost at ${server.url}\nNobody has an account yet. Make the first one:  npm run hausbote -- user add NAME\n`,
  )
  await server.command(['user', 'add', 'alice'])
  await server.restart()
  expect(server.output.split('\n').at(-2)).toBe(`Hausbote serves localhost at ${server.url}`)
})

test('a data directory that cannot be one is named as the reason', async () => {
  const { code, err } = await runProgram(program, { HAUSBOTE_DATA_DIR: '/dev/null/data' })
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/^Hausbote did not start: The data directory cannot be used \(ENOTDIR\)/),
  ])
})
