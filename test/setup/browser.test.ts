import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Preset } from 'matrix-js-sdk'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { type Device, startDevice, stranger } from '../clients/device.ts'
import { runProgram } from '../support/server-process.ts'
import { type BoxProcess, startBox } from './box-process.ts'
import { browserMissing, expectLight, inspect, launchBrowser } from './browser-kit.ts'

const resticMissing = spawnSync('restic', ['version']).status !== 0
if (browserMissing !== undefined) process.stderr.write(`${browserMissing}\n`)
else if (resticMissing)
  process.stderr.write('SKIPPED: there is no restic (apt-get install restic), so no page made or restored a backup\n')

const ownerPassword = 'Lampe Ufer Kranich Teig'
const people = { anna: 'Wolke Birne Anker Zaun', joerg: 'Hafen Regal Feder Quitte' }

describe.skipIf(browserMissing !== undefined)('a practice with its box', { timeout: 120_000 }, () => {
  let broken = false
  const step = (title: string, action: () => Promise<void>) =>
    test(title, async ({ skip }) => {
      skip(broken, 'an earlier step failed')
      broken = true
      await action()
      broken = false
    })

  const backupDirectory = mkdtempSync(join(tmpdir(), 'hausbote-backup-'))
  const devices: Device[] = []
  const elsewhere: string[] = []
  const consoleErrors: string[] = []
  let box: BoxProcess
  let browser: Browser
  /** Without scripts: what people do. */
  let hands: Page
  /** With scripts: what is looked at. */
  let eyes: Page
  let passphrase: string
  let roomId: string
  const links: string[] = []

  afterAll(async () => {
    for (const { client } of devices) client.stopClient()
    await browser?.close()
    await box?.remove()
    rmSync(backupDirectory, { recursive: true, force: true })
  })

  async function pageIn(javaScriptEnabled: boolean): Promise<Page> {
    const context = await browser.newContext({ locale: 'de-DE', javaScriptEnabled, baseURL: box.page })
    const page = await context.newPage()
    page.on('request', (request) => {
      if (!request.url().startsWith(box.page)) elsewhere.push(request.url())
    })
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) consoleErrors.push(message.text())
    })
    return page
  }

  /** Has the page that the hands are on looked at with the same cookies. */
  async function look(name: string, path = new URL(hands.url()).pathname): Promise<void> {
    await eyes.context().addCookies(await (hands.context() as BrowserContext).cookies())
    await eyes.goto(path)
    expect(new URL(eyes.url()).pathname).toBe(path)
    await inspect(eyes, name)
  }

  const fill = async (fields: Readonly<Record<string, string>>) => {
    for (const [name, value] of Object.entries(fields)) await hands.fill(`[name=${name}]`, value)
  }
  const send = (action: string) => hands.click(`form[action="${action}"] button[type=submit]`)
  const path = () => new URL(hands.url()).pathname

  async function open(): Promise<void> {
    hands = await pageIn(false)
    eyes = await pageIn(true)
    await hands.goto('/')
  }

  step('a new box shows its page and serves nothing else', async () => {
    box = await startBox()
    browser = await launchBrowser()
    await open()
    expect(path()).toBe('/claim')
    expect(await hands.getAttribute('html', 'lang')).toBe('de')
    await expect(fetch(`${box.messenger}/_matrix/client/versions`)).rejects.toThrow()
    await look('01-claim')
    await fill({ code: '0000-0000' })
    await send('/claim')
    expect(await hands.textContent('[role=alert]')).toContain('Dieser Code stimmt nicht')
  })

  step('the search for what keeps people out finds it', async () => {
    const page = await eyes.context().newPage()
    await page.setContent('<html lang="de"><title>x</title><main><h1>x</h1><img src="x"></main></html>')
    await expect(inspect(page, '00-faulty')).rejects.toThrow('image-alt')
    await page.close()
  })

  step('the code and a password make somebody the owner', async () => {
    await fill({ code: box.code })
    await send('/claim')
    expect(path()).toBe('/setup/owner')
    await look('02-owner')
    await fill({ name: 'Dr. Maria Sommer', password: 'sommer2024', password_again: 'sommer2024' })
    await send('/setup/owner')
    expect(await hands.textContent('[role=alert]')).toContain('zu schnell erraten')
    await fill({ password: ownerPassword, password_again: ownerPassword })
    await send('/setup/owner')
    expect(path()).toBe('/setup/practice')
    await look('03-practice')
  })

  step('a power cut in the middle loses nothing that was confirmed', async () => {
    await fill({ practice: 'Praxis Dr. Sommer' })
    await send('/setup/practice')
    await box.kill()
    await box.start()
    await hands.goto('/')
    expect(path()).toBe('/setup/name')
    await look('04-name')
  })

  step('with its name the messenger starts', async () => {
    await fill({ server_name: 'praxis-sommer.test', server_name_again: 'praxis-sommer.test' })
    await hands.check('[name=understood]')
    await send('/setup/name')
    // This name is nobody's, which is said unless there is no way out.
    if (path() === '/setup/name') {
      await hands.check('[name=unknown]')
      await send('/setup/name')
    }
    expect(path()).toBe('/setup/reach')
    expect((await fetch(`${box.messenger}/_matrix/client/versions`)).status).toBe(200)
    await look('05-reach')
    await hands.check('[value=local]')
    await send('/setup/reach')
    expect(path()).toBe('/setup/reach/records')
    await look('06-records')
    await hands.click('main a[role=button]')
    expect(path()).toBe('/setup/backup')
  })

  step('backup and recovery sheet', async () => {
    await look('07-backup')
    if (resticMissing) await send('/setup/backup')
    else {
      await fill({ place: backupDirectory })
      await send('/backup/target')
    }
    expect(path()).toBe('/setup/recovery')
    await look('08-recovery')
    if (!resticMissing) passphrase = (await hands.textContent('.secret code')) ?? ''
    const words = await hands.locator('.words li').allTextContents()
    expect(words).toHaveLength(17)
    const asked = async (name: string) => Number(/\d+/.exec((await hands.textContent(`label[for=field-${name}]`)) ?? '')?.[0]) - 1
    await fill({ first: words[await asked('first')] ?? '', second: 'wrong' })
    await send('/recovery')
    expect(await hands.textContent('[role=alert]')).toContain('Das ist ein anderes Wort')
    await fill({ first: words[await asked('first')] ?? '', second: words[await asked('second')] ?? '' })
    await send('/recovery')
    expect(path()).toBe('/setup/staff')
  })

  step('staff are added, and each gets an invitation', async () => {
    await look('09-staff')
    for (const [name, role] of [
      ['Dr. Maria Sommer', 'management'],
      ['Anna Berger', 'assistant'],
      ['Jörg Müller', 'reception'],
    ] as const) {
      await fill({ name })
      await hands.selectOption('[name=role]', role)
      await send('/staff')
      expect(await hands.textContent('h1')).toBe(`Einladung für ${name}`)
      links.push((await hands.textContent('article code')) ?? '')
      await hands.click('a[role=button]')
    }
    await look('10-staff-list')
    await send('/setup/staff')
    expect(path()).toBe('/setup/ready')
    await look('11-ready')
    await send('/setup/ready')
    expect(path()).toBe('/start')
    await look('12-start')
    await expectLight(eyes)
  })

  async function enrol(link: string, password: string, name: string): Promise<string> {
    const page = await pageIn(false)
    await page.goto(link)
    await page.fill('[name=password]', password)
    await page.fill('[name=password_again]', password)
    await page.click('main button[type=submit]')
    expect(await page.textContent('h1')).toBe('So geht es weiter')
    const [, user = ''] = await page.locator('main code').allTextContents()
    await page.goto(link)
    expect(await page.textContent('h1'), name).toBe('Diese Einladung gilt nicht mehr')
    await page.context().close()
    return user
  }

  async function signIn(user: string, password: string): Promise<Device> {
    const identifier = { type: 'm.id.user', user }
    const session = await stranger(box.messenger).loginRequest({ type: 'm.login.password', identifier, password })
    const device = await startDevice(box.messenger, session)
    devices.push(device)
    return device
  }

  /** What is sent before a client has heard of a new device cannot be read there. */
  function knows(device: Device, other: Device): Promise<unknown> {
    return device.until('the device of the other one', async () => {
      const known = await device.crypto.getUserDeviceInfo([other.userId], true)
      return known.get(other.userId)?.has(other.deviceId)
    })
  }

  step('two of them enrol through their links and write to each other, encrypted', async () => {
    const guest = await pageIn(true)
    await guest.goto(links[1] ?? '')
    await inspect(guest, '13-welcome')
    await guest.context().close()
    const anna = await signIn(await enrol(links[1] ?? '', people.anna, 'Anna'), people.anna)
    const joerg = await signIn(await enrol(links[2] ?? '', people.joerg, 'Jörg'), people.joerg)
    const common = (device: Device) => device.client.getRooms().find((room) => room.name === 'Praxis')
    roomId = (await joerg.until('the common room', () => common(joerg))).roomId
    await anna.until('the common room', () => common(anna))
    await anna.until('the other one in it', () => anna.client.getRoom(roomId)?.getMember(joerg.userId)?.membership === 'join')
    await knows(anna, joerg)
    await anna.client.sendTextMessage(roomId, 'Guten Morgen')
    await joerg.until('the message', () => joerg.texts(roomId).includes('Guten Morgen'))
    expect(
      joerg
        .messages(roomId)
        .find((event) => event.getContent().body === 'Guten Morgen')
        ?.isEncrypted(),
    ).toBe(true)
    const { room_id } = await anna.client.createRoom({
      preset: Preset.PrivateChat,
      name: 'Urlaub',
      invite: [joerg.userId, '@maria.sommer:praxis-sommer.test'],
    })
    await joerg.room(room_id)
    await joerg.client.joinRoom(room_id)
  })

  step('every page of the console can be used by everybody', async () => {
    await runProgram(['src/cli.ts', 'user', 'add', 'carl'], { HAUSBOTE_DATA_DIR: box.directory })
    const person = `/staff/${encodeURIComponent('@anna.berger:praxis-sommer.test')}`
    for (const [name, where] of [
      ['20-staff', '/staff'],
      ['21-person', person],
      ['22-backup', '/backup'],
      ['23-log', '/log'],
      ['24-settings', '/settings'],
      ['25-self-test', '/self-test'],
      ['26-records', '/setup/reach/records'],
      ['27-sheet', '/recovery'],
    ] as const)
      await look(name, where)
    await hands.goto('/self-test')
    await send('/self-test')
    expect(await hands.textContent('main')).toContain('Bericht für den Techniker')
    const log = await hands.request.get(`${box.page}/log/export`)
    expect([log.status(), await log.text()]).toEqual([200, expect.stringContaining('Person hinzugefügt')])
  })

  step('keys alone lead through a form', async () => {
    await eyes.goto('/settings')
    await eyes.keyboard.press('Tab')
    expect(await eyes.evaluate("document.activeElement?.getAttribute('href')")).toBe('#content')
    await eyes.focus('[name=practice]')
    await eyes.keyboard.press('Control+A')
    await eyes.keyboard.type('Praxis Sommer und Kollegen')
    await eyes.keyboard.press('Enter')
    await eyes.waitForURL('**/settings?saved=1')
    expect(await eyes.textContent('.practice')).toBe('Praxis Sommer und Kollegen')
  })

  step('a backup is made and restored onto a new box, where people go on writing', async () => {
    if (resticMissing) return
    await hands.goto('/backup')
    await hands.click('form[action="/backup/run"] button')
    await expect
      .poll(
        async () => {
          await hands.goto('/backup')
          return (await hands.textContent('dl'))?.includes('Letzte Sicherungnoch nie')
        },
        { timeout: 60_000 },
      )
      .toBe(false)
    for (const { client } of devices) client.stopClient()
    await browser.close()
    await box.remove()

    box = await startBox()
    browser = await launchBrowser()
    await open()
    await fill({ code: box.code })
    await send('/claim')
    await look('30-owner-or-restore')
    await hands.click('a[href="/setup/restore"]')
    await look('31-restore')
    await fill({ place: backupDirectory, passphrase })
    await hands.check('[name=old]')
    await send('/setup/restore')
    await expect
      .poll(
        async () => {
          await hands.goto('/')
          return path()
        },
        { timeout: 60_000 },
      )
      .toBe('/sign-in')
    expect(await hands.textContent('[role=status]')).toContain('Wiederhergestellt')
    await fill({ name: 'dr. maria sommer', password: ownerPassword })
    await send('/sign-in')
    expect(path()).toBe('/start')
    await look('32-start-restored')
    const anna = await signIn('anna.berger', people.anna)
    const joerg = await signIn('joerg.mueller', people.joerg)
    await anna.room(roomId)
    await joerg.room(roomId)
    await knows(anna, joerg)
    await anna.client.sendTextMessage(roomId, 'Nach dem Brand')
    await joerg.until('the message', () => joerg.texts(roomId).includes('Nach dem Brand'))
  })

  step('somebody leaves in one step', async () => {
    await hands.goto(`/staff/${encodeURIComponent('@anna.berger:praxis-sommer.test')}`)
    await hands.selectOption('[name=deputy]', '@joerg.mueller:praxis-sommer.test')
    const again = hands.locator('[name=your_password]')
    if (await again.count()) await again.fill(ownerPassword)
    await hands.click('button.grave')
    expect(await hands.textContent('h1')).toBe('Protokoll: Anna Berger ist ausgeschieden')
    await look('33-farewell')
    expect(await hands.textContent('table')).toMatch(/Urlaub\s*Die Vertretung/)
    await expect(signIn('anna.berger', people.anna)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
  })

  step('nothing was loaded from elsewhere, and no script complained', async () => {
    expect(elsewhere).toEqual([])
    expect(consoleErrors).toEqual([])
    await look('34-signed-in', '/log')
    await hands.click('form[action="/sign-out"] button')
    expect(path()).toBe('/sign-in')
    await look('35-sign-in')
  })
})
