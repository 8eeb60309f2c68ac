import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRateLimits } from '../../src/http/rate-limits.ts'
import { auditPage } from '../../src/setup/audit-log.ts'
import { handMovedClock } from '../support/clock.ts'
import { claimed, createPage, goodPassword } from './kit.ts'

const signIn = { name: 'Dr. Maria Sommer', password: goodPassword }

test.each(['203.0.113.9', '2001:db8::1', '100.64.0.1', '::ffff:203.0.113.9', ''])(
  'a visitor from %s is turned away',
  async (address) => {
    const page = await createPage()
    const { status, text } = await page.visitor(address).open('/claim')
    expect(status).toBe(403)
    expect(text).not.toContain('name="code"')
  },
)

test.each(['127.0.0.1', '10.1.2.3', '172.31.255.255', '192.168.0.1', '::1', 'fe80::1%eth0', 'fd00::1', '::ffff:192.168.1.1'])(
  'a visitor from %s is let in',
  async (address) => {
    const page = await createPage()
    expect((await page.visitor(address).open('/claim')).status).toBe(200)
  },
)

test.each(['evil.example', 'hausbote.local.evil.example', '203.0.113.9', '203.0.113.9:8450', 'user@hausbote.local', ''])(
  'a page that makes its name %s lead here learns nothing (DNS rebinding)',
  async (host) => {
    const page = await createPage()
    const visitor = await claimed(page)
    const { status, text } = await visitor.open('/start', { host })
    expect(status).toBe(403)
    expect(text).not.toContain('form_token')
  },
)

test.each(['hausbote.local', 'HAUSBOTE.local:8450', 'localhost:1', '192.168.1.20:8450', '[fd00::1]:8450', '127.0.0.1'])(
  'the page answers to %s',
  async (host) => {
    const page = await createPage()
    expect((await page.visitor().open('/claim', { host })).status).toBe(200)
  },
)

test('a form that another page sends does nothing', async () => {
  const page = await createPage()
  const visitor = await claimed(page)
  const token = /name="form_token" value="([^"]+)"/.exec((await visitor.open('/setup/practice')).text)?.[1] ?? ''
  const fields = { form_token: token, practice: 'Stolen', mode: 'open' }
  const forged: readonly [Record<string, string>, Record<string, string>][] = [
    [{ practice: 'Stolen' }, {}],
    [{ ...fields, form_token: '' }, {}],
    [{ ...fields, form_token: `${token.slice(0, -1)}x` }, {}],
    [fields, { origin: 'http://evil.example' }],
    [fields, { origin: 'null' }],
    [fields, { 'sec-fetch-site': 'cross-site' }],
    [fields, { 'sec-fetch-site': 'same-site' }],
  ]
  for (const [sent, headers] of forged) expect((await visitor.post('/setup/practice', sent, headers)).status).toBe(403)
  expect((await visitor.open('/setup/practice')).text).not.toContain('Stolen')
  const honest = { origin: 'http://hausbote.local:8450', 'sec-fetch-site': 'same-origin' }
  expect((await visitor.post('/setup/practice', fields, honest)).path).toBe('/setup/name')
})

test('the token of one visitor is of no use to another', async () => {
  const page = await createPage()
  const owner = await claimed(page)
  const attacker = page.visitor('192.168.1.66')
  const theirs = /name="form_token" value="([^"]+)"/.exec((await attacker.open('/sign-in')).text)?.[1] ?? ''
  expect((await owner.post('/setup/practice', { form_token: theirs, practice: 'Stolen' })).status).toBe(403)
})

test('a session that was planted before signing in stays without rights (session fixation)', async () => {
  const page = await createPage()
  await claimed(page)
  const victim = page.visitor()
  const planted = 'A'.repeat(43)
  victim.cookies.set('hausbote', planted)
  expect((await victim.send('/sign-in', '/sign-in', signIn)).path).toBe('/setup/practice')
  expect(victim.cookies.get('hausbote')).not.toBe(planted)
  const attacker = page.visitor('192.168.1.66')
  attacker.cookies.set('hausbote', planted)
  expect((await attacker.open('/')).path).toBe('/sign-in')
})

test('the cookie is kept from scripts and from other sites, and only its hash is on disk', async () => {
  const page = await createPage()
  const visitor = page.visitor()
  const { headers } = await visitor.open('/claim')
  expect(headers.getSetCookie()).toEqual([expect.stringMatching(/^hausbote=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)])
  await claimed(page, visitor)
  const kept = JSON.stringify(page.storage.reader.raw.prepare('SELECT * FROM owner_sessions').all())
  expect(kept).not.toContain(visitor.cookies.get('hausbote'))
})

test('signing out ends the session for whoever has copied it', async () => {
  const page = await createPage()
  const visitor = await claimed(page)
  const copied = visitor.cookies.get('hausbote') ?? ''
  expect((await visitor.send('/setup/practice', '/sign-out', {})).path).toBe('/sign-in')
  const attacker = page.visitor()
  attacker.cookies.set('hausbote', copied)
  expect((await attacker.open('/')).path).toBe('/sign-in')
})

test('a session ends after half an hour of silence, and after twelve hours whatever happens', async () => {
  const page = await createPage()
  const visitor = await claimed(page)
  for (let hours = 0; hours < 11.5; hours += 0.4) {
    await page.clock.advance(0.4 * 3_600_000)
    expect((await visitor.open('/')).path).toBe('/setup/practice')
  }
  await page.clock.advance(0.4 * 3_600_000)
  expect((await visitor.open('/')).path).toBe('/sign-in')
  await visitor.send('/sign-in', '/sign-in', signIn)
  await page.clock.advance(30 * 60_000)
  expect((await visitor.open('/')).path).toBe('/sign-in')
})

test('guessing the password locks that network for ten minutes, over restarts, and others not at all', async () => {
  const page = await createPage()
  await claimed(page)
  const attacker = page.visitor('192.168.1.66')
  for (let attempt = 0; attempt < 5; attempt += 1) {
    expect((await attacker.send('/sign-in', '/sign-in', { ...signIn, password: `guess ${attempt}` })).status).toBe(422)
    if (attempt === 2) await page.restart()
  }
  expect((await attacker.send('/sign-in', '/sign-in', signIn)).status).toBe(429)
  expect((await page.visitor('192.168.1.30').send('/sign-in', '/sign-in', signIn)).path).toBe('/setup/practice')
  await page.clock.advance(10 * 60_000)
  expect((await attacker.send('/sign-in', '/sign-in', signIn)).path).toBe('/setup/practice')
  const acts = auditPage(page.storage.reader, 20).map(({ act, who }) => `${act} ${who}`)
  expect(acts.filter((act) => act === 'sign-in-failed 192.168.1.66')).toHaveLength(6)
})

test('a wrong name is as wrong as a wrong password', async () => {
  const page = await createPage()
  await claimed(page)
  const one = await page.visitor('192.168.1.1').send('/sign-in', '/sign-in', { ...signIn, name: 'Somebody' })
  const other = await page.visitor('192.168.1.2').send('/sign-in', '/sign-in', { ...signIn, password: 'wrong' })
  const said = (text: string) => /<ul><li>(.*?)<\/li>/.exec(text)?.[1]
  expect([one.status, said(one.text)]).toEqual([other.status, said(other.text)])
})

test('pages may load nothing from elsewhere and run nothing of their own', async () => {
  const page = await createPage()
  const { headers, text } = await page.visitor().open('/claim')
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(text).not.toMatch(/ on[a-z]+=|<style|style=|<script(?![^>]* src="\/)|(?:src|href)="(?:https?:)?\/\//)
})

test('what people type is shown as text, never as markup', async () => {
  const page = await createPage()
  const visitor = await claimed(page)
  const name = '"><script>alert(1)</script>'
  await visitor.send('/setup/practice', '/setup/practice', { practice: name, mode: 'open' })
  const { text } = await visitor.open('/setup/practice')
  expect(text).toContain('&quot;&gt;&lt;script&gt;')
  expect(text).not.toContain('<script>alert')
})

test('too much at once is refused', async () => {
  const clock = handMovedClock()
  const page = await createPage({ rateLimits: createRateLimits(clock) })
  const visitor = page.visitor()
  const statuses = []
  for (let request = 0; request < 130; request += 1) statuses.push((await visitor.open('/claim')).status)
  expect([statuses[0], statuses.at(-1)]).toEqual([200, 429])
  expect((await page.visitor('192.168.1.31').open('/claim')).status).toBe(200)
})

test('a form that is no form, or has no end, is refused', async () => {
  const page = await createPage()
  const visitor = page.visitor()
  expect((await visitor.post('/claim', { code: '1' }, { 'content-type': 'text/plain' })).status).toBe(400)
  expect((await visitor.send('/claim', '/claim', { code: 'x'.repeat(70_000) })).status).toBe(400)
})

test('the recovery sheet asks for the password again when it was given too long ago', async () => {
  const page = await createPage()
  const visitor = await claimed(page)
  writeFileSync(join(page.directory, 'signing.key'), `ed25519 a_key ${'A'.repeat(42)}E\n`)
  expect((await visitor.open('/recovery')).text).toContain('class="words"')
  await page.clock.advance(5 * 60_000)
  const asked = await visitor.open('/recovery')
  expect(asked.text).not.toContain('class="words"')
  expect((await visitor.send('/recovery', '/recovery/show', { your_password: 'wrong' })).text).not.toContain('class="words"')
  expect((await visitor.send('/recovery', '/recovery/show', { your_password: goodPassword })).text).toContain('class="words"')
})
