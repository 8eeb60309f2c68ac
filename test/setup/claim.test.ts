import { expect, test } from 'vitest'
import { claimed, createPage, goodPassword } from './kit.ts'

const owner = { language: 'de', name: 'Dr. Maria Sommer', password: goodPassword, password_again: goodPassword }

test('a new box asks for its code before anything else', async () => {
  const page = await createPage()
  await page.code()
  const visitor = page.visitor()
  for (const path of ['/', '/start', '/setup/owner', '/setup/practice', '/setup/name'])
    expect((await visitor.open(path)).path, path).toBe('/claim')
})

test('the code is taken as people type it, and claims the box once and for good', async () => {
  const page = await createPage()
  const code = await page.code()
  const visitor = page.visitor()
  const typed = ` ${code.toLowerCase().replace('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `
  expect((await visitor.send('/claim', '/claim', { code: typed })).path).toBe('/setup/owner')
  expect(page.setup.isClaimed()).toBe(false)
  expect((await visitor.send('/setup/owner', '/setup/owner', owner)).path).toBe('/setup/practice')
  expect(page.setup.isClaimed()).toBe(true)
  expect(await page.setup.renewClaimCode()).toBeUndefined()
  const other = page.visitor('192.168.1.31')
  expect((await other.open('/')).path).toBe('/sign-in')
  expect((await other.send('/sign-in', '/claim', { code })).path).toBe('/sign-in')
})

test('only a hash of the code is on disk', async () => {
  const page = await createPage()
  const code = await page.code()
  const kept = page.storage.reader.raw.prepare('SELECT name, value FROM setup_answers').all()
  expect(JSON.stringify(kept)).toContain('$argon2id$')
  expect(JSON.stringify(kept)).not.toContain(code.replace('-', ''))
})

test('five wrong codes lock everybody out for ten minutes, whatever is restarted meanwhile', async () => {
  const page = await createPage()
  await page.code()
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const visitor = page.visitor(`192.168.1.${attempt + 1}`)
    expect((await visitor.send('/claim', '/claim', { code: '2222-2222' })).status).toBe(422)
    if (attempt === 2) await page.restart()
  }
  const code = await page.code()
  await page.restart()
  const visitor = page.visitor()
  const locked = await visitor.send('/claim', '/claim', { code })
  expect([locked.status, locked.text]).toEqual([429, expect.stringContaining('In 10 Minuten')])
  await page.clock.advance(10 * 60_000 - 1)
  expect((await visitor.send('/claim', '/claim', { code })).status).toBe(429)
  await page.clock.advance(1)
  expect((await visitor.send('/claim', '/claim', { code })).path).toBe('/setup/owner')
})

test('many wrong codes at once are not more than five', async () => {
  const page = await createPage()
  await page.code()
  const visitors = Array.from({ length: 20 }, (_, index) => page.visitor(`10.0.0.${index + 1}`))
  const answers = await Promise.all(visitors.map((visitor) => visitor.send('/claim', '/claim', { code: '3333-3333' })))
  expect(answers.filter(({ status }) => status === 422)).toHaveLength(5)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(15)
})

test('of two who know the code one becomes the owner', async () => {
  const page = await createPage()
  const code = await page.code()
  const visitors = [page.visitor('192.168.1.1'), page.visitor('192.168.1.2')]
  for (const visitor of visitors) expect((await visitor.send('/claim', '/claim', { code })).path).toBe('/setup/owner')
  const answers = await Promise.all(
    visitors.map((visitor, index) => visitor.send('/setup/owner', '/setup/owner', { ...owner, name: `Owner ${index}` })),
  )
  expect(answers.map(({ path, status }) => `${path} ${status}`).toSorted()).toEqual(['/setup/owner 409', '/setup/practice 200'])
  const [first, second] = await Promise.all(visitors.map((visitor) => visitor.open('/')))
  expect([first?.path, second?.path].toSorted()).toEqual(['/setup/practice', '/sign-in'])
})

test.each([
  ['kurz', 'Das Passwort braucht mindestens zehn Zeichen.'],
  ['passwort1234', 'Dieses Passwort wäre zu schnell erraten.'],
  ['MariaSommer1', 'Dieses Passwort wäre zu schnell erraten.'],
  ['krankenhaus', 'Dieses Passwort wäre zu schnell erraten.'],
  ['qwertzuiop1', 'Dieses Passwort wäre zu schnell erraten.'],
])('the password %s is refused', async (password, sentence) => {
  const page = await createPage()
  const visitor = page.visitor()
  await visitor.send('/claim', '/claim', { code: await page.code() })
  const answer = await visitor.send('/setup/owner', '/setup/owner', { ...owner, password, password_again: password })
  expect(answer.text).toContain(sentence)
  expect(answer.status).toBe(422)
  expect(answer.text).not.toContain(password)
  expect(page.setup.isClaimed()).toBe(false)
})

test('what was answered is there after the box was stopped at any step', async () => {
  const page = await createPage()
  const visitor = await claimed(page)
  await page.restart()
  expect((await visitor.open('/')).path).toBe('/setup/practice')
  await visitor.send('/setup/practice', '/setup/practice', { practice: 'Praxis Dr. Sommer', mode: 'open' })
  await page.restart()
  expect((await visitor.open('/')).path).toBe('/setup/name')
  expect((await visitor.open('/setup/practice')).text).toContain('Praxis Dr. Sommer')
})
