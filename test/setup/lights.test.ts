import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Status } from '../../src/operations/status.ts'
import { lightsOf } from '../../src/setup/lights.ts'
import type { Messenger, RunningMessenger } from '../../src/setup/messenger.ts'
import { checkSentence } from '../../src/setup/self-test-texts.ts'
import { isTextKey, type languages, translator } from '../../src/setup/texts.ts'
import { createPage } from './kit.ts'

const at = Date.UTC(2026, 0, 5, 8)
const well: Status = {
  version: '1.0.0',
  serverName: 'praxis.test',
  at,
  messages: { state: 'ok', problem: null },
  partners: { state: 'ok', known: 3, waitingMessages: 0, lastContact: at, unreachable: [] },
  certificate: { state: 'ok', names: ['praxis.test'], issuer: 'X', notAfter: at + 60 * 86_400_000 },
  clock: { state: 'ok', ahead: 10, checkedAt: at },
  disk: { state: 'ok', readOnly: false, freeBytes: 5e10, totalBytes: 1e11, usedBytes: 1e9, forecastDays: 400 },
  backup: { state: 'ok', target: '/media/usb', reason: null, lastSuccess: at, lastTest: at, problem: null },
  restored: null,
  failedJobs: [],
}
const away = {
  server: 'klinik.test' as Status['partners']['unreachable'][number]['server'],
  since: at,
  nextAttempt: at,
  waitingMessages: 4,
}

async function lights(status: Partial<Status>, language: (typeof languages)[number] = 'de') {
  const { storage } = await createPage()
  const operations = { status: () => Promise.resolve({ ...well, ...status }) }
  const running = { operations, publicUrl: 'https://praxis.test' } as unknown as RunningMessenger
  const messenger: Messenger = {
    running,
    problem: undefined,
    start: () => Promise.resolve(),
    restart: () => undefined,
    reset: () => undefined,
  }
  const all = await lightsOf(storage.reader, messenger, { text: translator(language), language })
  return Object.fromEntries(all.map((light) => [light.id, light]))
}

test('all is well: nothing is red or yellow but the sheet that nobody has printed', async () => {
  const found = await lights({})
  expect(Object.values(found).filter(({ colour }) => colour === 'red' || colour === 'yellow')).toEqual([
    expect.objectContaining({ id: 'sheet', action: expect.objectContaining({ path: '/recovery' }) }),
  ])
  expect(found.disk?.sentence).toBe('47 GB von 93 GB frei, das reicht noch etwa 400 Tage.')
})

test.each<[keyof Status, Partial<Status>, string, RegExp]>([
  ['messages', { messages: { state: 'fail', problem: 'full' } }, 'red', /voll/],
  ['messages', { messages: { state: 'fail', problem: 'clock' } }, 'red', /Uhr/],
  ['messages', { messages: { state: 'fail', problem: 'slow' } }, 'red', /Sichern Sie jetzt/],
  ['messages', { messages: { state: 'fail', problem: 'unsafe' } }, 'red', /unsafe.*Techniker/],
  [
    'partners',
    { partners: { ...well.partners, state: 'warn', waitingMessages: 4, unreachable: [away] } },
    'yellow',
    /klinik\.test.*4 Nachrichten/,
  ],
  [
    'partners',
    { partners: { ...well.partners, state: 'fail', waitingMessages: 4, unreachable: [away] } },
    'red',
    /Internet.*4 Nachrichten/,
  ],
  ['certificate', { certificate: { ...well.certificate, state: 'warn' } }, 'yellow', /noch nicht erneuert/],
  ['certificate', { certificate: { ...well.certificate, state: 'fail' } }, 'red', /nicht gültig/],
  ['clock', { clock: { state: 'fail', ahead: 300_000, checkedAt: at } }, 'red', /Techniker stellt sie/],
  ['disk', { disk: { ...well.disk, state: 'warn' } }, 'yellow', /Techniker/],
  ['disk', { disk: { ...well.disk, state: 'fail' } }, 'red', /Platz schaffen/],
  ['backup', { backup: { ...well.backup, state: 'warn', reason: 'not-set-up' } }, 'yellow', /verloren/],
  ['backup', { backup: { ...well.backup, state: 'warn', reason: 'never' } }, 'yellow', /heute Nacht/],
  ['backup', { backup: { ...well.backup, state: 'fail', reason: 'old' } }, 'red', /zu alt/],
  ['backup', { backup: { ...well.backup, state: 'warn', reason: 'failed', problem: 'Kein Platz.' } }, 'yellow', /Kein Platz\./],
  ['backup', { backup: { ...well.backup, state: 'warn', reason: 'not-tested' } }, 'yellow', /Probe/],
])('the light of %s, %j, is %s', async (id, status, colour, sentence) => {
  const light = (await lights(status))[id]
  expect(light).toMatchObject({ colour, sentence: expect.stringMatching(sentence) })
  // What is wrong has a button, or says who does what.
  expect(light?.action !== undefined || /Techniker|Platz ist|gestellt/.test(light?.sentence ?? '')).toBe(true)
  expect((await lights(status, 'en'))[id]?.colour).toBe(colour)
})

test('a messenger that does not run is the one thing that is said', async () => {
  const { storage } = await createPage()
  const messenger: Messenger = {
    running: undefined,
    problem: 'the port is taken',
    start: () => Promise.resolve(),
    restart: () => undefined,
    reset: () => undefined,
  }
  const found = await lightsOf(storage.reader, messenger, { text: translator('de'), language: 'de' })
  expect(found).toEqual([expect.objectContaining({ colour: 'red', sentence: expect.stringContaining('the port is taken') })])
})

const explanations = readFileSync(join(import.meta.dirname, '../../src/operations/self-test/explain.ts'), 'utf8')
const reasons = [...explanations.matchAll(/^ {2}'([a-z0-9-]+) ([a-z-]+)':/gm)].map((match) => [match[1] ?? '', match[2] ?? ''])
const titles = [...explanations.matchAll(/^ {2}'?([a-z0-9-]+)'?: '[A-Z.]/gm)].map((match) => match[1] ?? '')

test('whatever the self-test finds has its sentence for the owner', () => {
  expect(reasons.length).toBeGreaterThan(25)
  // That something is not used is no news for an owner.
  const fine = new Set(['not-promised', 'direct', 'not-used', 'absent'])
  const missing = reasons.filter(([id, reason]) => !fine.has(reason ?? '') && !isTextKey(`found.${id}.${reason}`))
  expect(missing).toEqual([])
  expect(titles.length).toBeGreaterThan(10)
  expect(titles.filter((id) => !isTextKey(`check.${id}`) && !isTextKey(`found.${id}`))).toEqual([])
})

test('a sentence has its facts in it, and a reason that is new is passed on to the technician', () => {
  const result = { id: 'dns', state: 'fail', facts: { reason: 'no-address', name: 'praxis.test' } } as const
  expect(checkSentence(translator('de'), result)).toContain('Für praxis.test ist keine Adresse eingetragen.')
  expect(checkSentence(translator('de'), { ...result, facts: { reason: 'unheard-of' } })).toContain('der Bericht unten')
})
