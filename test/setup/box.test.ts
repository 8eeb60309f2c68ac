import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runProgram } from '../support/server-process.ts'
import { type BoxProcess, startBox } from './box-process.ts'
import { goodPassword } from './kit.ts'

const patience = 60_000

async function box(settings: Readonly<Record<string, string>> = {}): Promise<BoxProcess> {
  const started = await startBox(settings)
  onTestFinished(() => started.remove())
  return started
}

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-files-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

/** A browser without scripts, over the network. */
function visitor(page: () => string) {
  let cookie = ''
  async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; path: string; text: string }> {
    const response = await fetch(page() + path, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } })
    for (const line of response.headers.getSetCookie())
      cookie = line.startsWith('hausbote=') ? (line.split(';')[0] ?? '') : cookie
    const location = response.headers.get('location')
    return location === null ? { status: response.status, path, text: await response.text() } : ask(location)
  }
  return {
    open: (path: string) => ask(path),
    stream: (path: string, signal: AbortSignal) => fetch(page() + path, { signal, headers: { cookie } }),
    async send(path: string, action: string, fields: Readonly<Record<string, string>>) {
      const token = /name="form_token" value="([^"]+)"/.exec((await ask(path)).text)?.[1] ?? ''
      return ask(action, { method: 'POST', body: new URLSearchParams({ form_token: token, ...fields }) })
    },
  }
}

const owner = { language: 'de', name: 'Dr. Sommer', password: goodPassword, password_again: goodPassword }
const versions = (started: BoxProcess) => fetch(`${started.messenger}/_matrix/client/versions`).then(({ status }) => status)
const command = (started: BoxProcess, ...words: string[]) =>
  runProgram(['src/cli.ts', ...words], {
    HAUSBOTE_DATA_DIR: started.directory,
    HAUSBOTE_SETUP_LISTEN: new URL(started.page).host,
  })

test('until somebody owns the box nothing but its page is served, and the command line says so', {
  timeout: patience,
}, async () => {
  const started = await box()
  await expect(versions(started)).rejects.toThrow()
  expect(await command(started, 'user', 'add', 'anna')).toMatchObject({
    code: 1,
    err: 'This server has no name yet: open its page and set it up first.\n',
  })
  await started.kill()
  expect(await command(started, 'user', 'add', 'anna')).toMatchObject({
    code: 1,
    err: 'This server has no name yet: start it, open its page and set it up first.\n',
  })
})

test('wrong codes stay counted when the process is killed', { timeout: patience }, async () => {
  const started = await box()
  const guest = visitor(() => started.page)
  for (let attempt = 0; attempt < 5; attempt += 1) {
    expect((await guest.send('/claim', '/claim', { code: '2222-2222' })).status).toBe(422)
    if (attempt === 2) {
      await started.kill()
      await started.start()
    }
  }
  await started.kill()
  await started.start()
  expect((await guest.send('/claim', '/claim', { code: started.code })).status).toBe(429)
})

test('a box named by its configuration serves as soon as somebody owns it, also after a restart', {
  timeout: patience,
}, async () => {
  const claimFile = join(folder(), 'claim')
  const started = await box({ HAUSBOTE_SERVER_NAME: 'praxis.test', HAUSBOTE_CLAIM_FILE: claimFile })
  await expect(versions(started)).rejects.toThrow()
  expect(readFileSync(claimFile, 'utf8')).toBe(`${started.code}\n`)
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: started.code })
  expect((await guest.send('/setup/owner', '/setup/owner', owner)).path).toBe('/setup/practice')
  expect(await versions(started)).toBe(200)
  expect(existsSync(claimFile)).toBe(false)
  await started.kill()
  await started.start()
  expect(await versions(started)).toBe(200)
  expect(started.output).toContain("The owner's page is at")
  await started.kill()
  const other = await runProgram(['src/main.ts'], {
    HAUSBOTE_DATA_DIR: started.directory,
    HAUSBOTE_SERVER_NAME: 'other.test',
    HAUSBOTE_LISTEN: '127.0.0.1:0',
  })
  expect([other.code, other.err]).toEqual([78, expect.stringContaining('belongs to praxis.test')])
})

test('with everything in a file the owner gives the code, a password and two words, and the box is ready', {
  timeout: patience,
}, async () => {
  const file = join(folder(), 'hausbote.toml')
  writeFileSync(
    file,
    `claim_code = "7K3M-9QTX"
language = "de"
server_name = "praxis.test"
practice = { name = "Praxis Dr. Sommer" }
owner = { name = "Dr. Sommer" }
reach = { way = "local" }
[[staff]]
name = "Anna Berger"
role = "assistant"
[[staff]]
name = "Otto Amt"
role = "office"
`,
  )
  const started = await box({ HAUSBOTE_PROVISIONING_FILE: file })
  expect(started.code).toBe('7K3M-9QTX')
  await expect(versions(started)).rejects.toThrow()
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: '7K3M-9QTX' })
  expect((await guest.send('/setup/owner', '/setup/owner', owner)).path).toBe('/setup/backup')
  expect(await versions(started)).toBe(200)
  expect((await guest.send('/setup/backup', '/setup/backup', {})).path).toBe('/setup/recovery')
  const sheet = await guest.open('/recovery')
  const words = [...sheet.text.matchAll(/<li>([a-z]{5})<\/li>/g)].map((match) => match[1] ?? '')
  const [first = 0, second = 0] = [...sheet.text.matchAll(/Word number (\d+)/g)].map((match) => Number(match[1]) - 1)
  const typed = { first: words[first] ?? '', second: words[second] ?? '' }
  expect((await guest.send('/recovery', '/recovery', typed)).path).toBe('/setup/ready')
  expect((await guest.send('/setup/ready', '/setup/ready', {})).path).toBe('/start')
  const staff = await guest.open('/staff')
  expect(staff.text).toContain('@anna.berger:praxis.test')
  expect(staff.text).toContain('@otto.amt:praxis.test')
})

test('a file that is wrong is told of, every problem of it, and nothing of it is used', { timeout: patience }, async () => {
  const file = join(folder(), 'hausbote.toml')
  writeFileSync(file, 'claim_code = "7K3M-9QTX"\nserver_name = "no name"\nreach = { way = "own" }\ncolour = "green"\n')
  const started = await box({ HAUSBOTE_PROVISIONING_FILE: file })
  expect(started.code).not.toBe('7K3M-9QTX')
  for (const field of ['server_name: ', 'colour: there is no such field']) expect(started.output).toContain(field)
  const checked = await command(started, 'setup', 'check', file)
  expect([checked.code, checked.err]).toEqual([1, expect.stringContaining(`${file}: colour: there is no such field`)])
})

test('staff are added, invited and bid farewell from the command line as well', { timeout: patience }, async () => {
  const started = await box({ HAUSBOTE_SERVER_NAME: 'praxis.test' })
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: started.code })
  await guest.send('/setup/owner', '/setup/owner', owner)
  const added = await command(started, 'staff', 'add', 'Anna Berger', '--role', 'assistant')
  expect([added.code, added.err]).toEqual([0, ''])
  expect(added.out).toContain('Anna Berger is @anna.berger:praxis.test.')
  const link = /(\/welcome\/[\w-]{43})/.exec(added.out)?.[1] ?? ''
  expect((await guest.open(link)).text).toContain('Welcome, Anna Berger')
  expect((await guest.send(link, link, { password: goodPassword, password_again: goodPassword })).status).toBe(200)
  expect((await guest.open(link)).status).toBe(410)
  expect((await command(started, 'staff', 'list')).out).toBe('@anna.berger:praxis.test  Anna Berger, assistant\n')
  const again = await command(started, 'staff', 'link', 'anna.berger')
  expect(again.out).toMatch(/\/welcome\/[\w-]{43}/)
  const left = await command(started, 'staff', 'leave', 'anna.berger')
  expect(left.out).toContain('anna.berger has left.')
  expect(await command(started, 'staff', 'leave', 'anna.berger')).toMatchObject({
    code: 1,
    err: 'There is no such person here (any more).\n',
  })
  const log = (await command(started, 'log')).out
  for (const act of ['claimed', 'staff-added', 'staff-enrolled', 'staff-link', 'staff-left']) expect(log).toContain(act)
  const wrong = await command(started, 'staff', 'add', 'Ben', '--role', 'king')
  expect([wrong.code, wrong.err]).toEqual([64, expect.stringContaining('--role must be one of')])
})

test('a box whose owner forgot the password is claimed anew, and its people go on writing meanwhile', {
  timeout: patience,
}, async () => {
  const started = await box({ HAUSBOTE_SERVER_NAME: 'praxis.test' })
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: started.code })
  await guest.send('/setup/owner', '/setup/owner', owner)
  const reset = await command(started, 'owner', 'reset')
  expect([reset.code, reset.out]).toEqual([0, expect.stringContaining('Dr. Sommer does not own this box any more')])
  expect((await guest.open('/start')).path).toBe('/claim')
  expect(await versions(started)).toBe(200)
  await started.kill()
  await started.start()
  await guest.send('/claim', '/claim', { code: started.code })
  expect((await guest.send('/setup/owner', '/setup/owner', { ...owner, name: 'Dr. Winter' })).path).toBe('/setup/practice')
})

test('kill -9 after each step of the setup: what was confirmed is there, and the next step is asked', {
  timeout: 2 * patience,
}, async () => {
  const started = await box()
  const guest = visitor(() => started.page)
  const steps: readonly (readonly [form: string, action: string, fields: Record<string, string>, next: string])[] = [
    ['/claim', '/claim', {}, '/setup/owner'],
    ['/setup/owner', '/setup/owner', owner, '/setup/practice'],
    ['/setup/practice', '/setup/practice', { practice: 'Praxis Sommer', mode: 'open' }, '/setup/name'],
    [
      '/setup/name',
      '/setup/name',
      { server_name: 'praxis.test', server_name_again: 'praxis.test', understood: 'yes', unknown: 'yes' },
      '/setup/reach',
    ],
    ['/setup/reach', '/setup/reach', { way: 'local' }, '/setup/backup'],
    ['/setup/backup', '/setup/backup', {}, '/setup/recovery'],
    ['/recovery/later', '/recovery/later', {}, '/setup/staff'],
    ['/setup/staff', '/staff', { name: 'Anna Berger', role: 'assistant' }, '/setup/staff'],
    ['/setup/staff', '/setup/staff', {}, '/setup/ready'],
    ['/setup/ready', '/setup/ready', {}, '/start'],
  ]
  for (const [form, action, fields, next] of steps) {
    const sent = action === '/claim' ? { code: started.code } : fields
    expect((await guest.send(form, action, sent)).status, action).toBe(200)
    await started.kill()
    await started.start()
    expect((await guest.open('/')).path, action).toBe(next)
  }
  expect((await guest.open('/staff')).text).toContain('@anna.berger:praxis.test')
  expect((await guest.open('/staff')).text.match(/@anna\.berger/g)).toHaveLength(1)
  expect(await versions(started)).toBe(200)
})

test('the words of the recovery sheet lead back to the signing key', { timeout: patience }, async () => {
  const started = await box({ HAUSBOTE_SERVER_NAME: 'praxis.test' })
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: started.code })
  await guest.send('/setup/owner', '/setup/owner', owner)
  const { text } = await guest.open('/recovery')
  const words = [...text.matchAll(/<li>([a-z]{5})<\/li>/g)].map((match) => match[1] ?? '')
  const id = /ed25519:\w+/.exec(text)?.[0] ?? ''
  const key = readFileSync(join(started.directory, 'signing.key'), 'utf8')
  const empty = folder()
  const recover = (...typed: string[]) => runProgram(['src/cli.ts', 'setup', 'key', id, ...typed], { HAUSBOTE_DATA_DIR: empty })
  expect((await recover(...words.toReversed())).code).toBe(1)
  expect(await recover(...words)).toMatchObject({ code: 0, out: `The signing key ${id} is in its place.\n` })
  expect(readFileSync(join(empty, 'signing.key'), 'utf8')).toBe(key)
  expect((await recover(...words)).err).toContain('There is a key already')
})

test('a restore that was cut off does not keep the box from starting', { timeout: patience }, async () => {
  const started = await box()
  await started.kill()
  mkdirSync(join(started.directory, 'restore'))
  writeFileSync(join(started.directory, 'restore', 'state.json'), JSON.stringify({ state: 'fetching', besides: true }))
  await started.start()
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: started.code })
  expect((await guest.open('/setup/restore')).status).toBe(200)
  expect(existsSync(join(started.directory, 'restore'))).toBe(false)
})

test('the lights come by themselves to a page that is open', { timeout: patience }, async () => {
  const started = await box({ HAUSBOTE_SERVER_NAME: 'praxis.test' })
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: started.code })
  await guest.send('/setup/owner', '/setup/owner', owner)
  const stop = new AbortController()
  const stream = await guest.stream('/start/lights', stop.signal)
  expect(stream.headers.get('content-type')).toContain('text/event-stream')
  const first = await stream.body?.getReader().read()
  expect(new TextDecoder().decode(first?.value)).toMatch(/^event: lights\ndata: <li class="light /)
  stop.abort()
})

test('everything is erased with the password and the name of the practice, and the box is new', {
  timeout: patience,
}, async () => {
  const started = await box({ HAUSBOTE_SERVER_NAME: 'praxis.test' })
  const guest = visitor(() => started.page)
  await guest.send('/claim', '/claim', { code: started.code })
  await guest.send('/setup/owner', '/setup/owner', owner)
  await guest.send('/setup/practice', '/setup/practice', { practice: 'Praxis Sommer', mode: 'open' })
  const key = () => readFileSync(join(started.directory, 'signing.key'), 'utf8')
  const [code, before] = [started.code, key()]
  const wrongName = await guest.send('/settings', '/settings/reset', { practice_again: 'Praxis', password_now: goodPassword })
  expect([wrongName.status, wrongName.text]).toEqual([422, expect.stringContaining('This is not the name of the practice.')])
  const wrongPassword = await guest.send('/settings', '/settings/reset', {
    practice_again: 'Praxis Sommer',
    password_now: 'wrong',
  })
  expect(wrongPassword.status).toBe(422)
  expect(key()).toBe(before)
  const gone = await guest.send('/settings', '/settings/reset', { practice_again: 'Praxis Sommer', password_now: goodPassword })
  expect(gone.path).toBe('/claim')
  await expect.poll(() => started.code).not.toBe(code)
  await expect(versions(started)).rejects.toThrow()
  expect((await guest.send('/claim', '/claim', { code })).status).toBe(422)
  await guest.send('/claim', '/claim', { code: started.code })
  expect((await guest.send('/setup/owner', '/setup/owner', owner)).path).toBe('/setup/practice')
  expect(key()).not.toBe(before)
})
