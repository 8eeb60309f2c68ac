import { expect, test } from 'vitest'
import { CertificateProblem, type Certificates, type TxtRecord } from '../../src/operations/certificates/certificates.ts'
import { setAnswer } from '../../src/setup/answers.ts'
import type { Messenger, RunningMessenger } from '../../src/setup/messenger.ts'
import { claimed, createPage } from './kit.ts'

/** An authority in memory, as the page sees it; what really asks one is tested in `test/operations`. */
async function certificatePage(obtain: () => Promise<unknown> = () => Promise.resolve()) {
  const asked: unknown[] = []
  let records: readonly TxtRecord[] | undefined
  let restarts = 0
  const certificates = {
    current: () => undefined,
    waitingRecords: () => records,
    async obtain(wish: unknown) {
      asked.push(wish)
      await obtain()
    },
    async beginDns(wish: unknown) {
      asked.push(wish)
      records = [{ name: '_acme-challenge.chat.praxis.test', value: 'proof' }]
    },
    finishDns: () => obtain(),
  } as unknown as Certificates
  const messenger: Messenger = {
    running: { operations: { certificates }, publicUrl: undefined } as unknown as RunningMessenger,
    problem: undefined,
    start: () => Promise.resolve(),
    restart: () => {
      restarts += 1
    },
    reset: () => undefined,
  }
  const page = await createPage({ messenger })
  const visitor = await claimed(page)
  await page.storage.write((tx) => {
    setAnswer(tx, 'practice', { name: 'Praxis', mode: 'open' })
    setAnswer(tx, 'serverName', 'praxis.test')
    setAnswer(tx, 'reach', { way: 'own', host: 'chat.praxis.test' })
  })
  return { visitor, asked, restarts: () => restarts }
}

const terms = { terms: 'yes', authority: 'https://acme.test/directory' }

test('a certificate is asked for the name of the box, once the terms are accepted, and opens the doors', async () => {
  const { visitor, asked, restarts } = await certificatePage()
  const refused = await visitor.send('/certificate', '/certificate', { authority: terms.authority })
  expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('Ohne Zustimmung gibt es kein Zertifikat.')])
  expect(asked).toEqual([])
  expect((await visitor.send('/certificate', '/certificate', terms)).status).toBe(200)
  expect(asked).toEqual([{ names: ['chat.praxis.test'], directory: 'https://acme.test/directory' }])
  expect(restarts()).toBe(1)
})

test('what the authority objects to is said, and nothing is built anew', async () => {
  const { visitor, restarts } = await certificatePage(() => Promise.reject(new CertificateProblem('chat.praxis.test: no answer')))
  const { status, text } = await visitor.send('/certificate', '/certificate', terms)
  expect([status, text]).toEqual([422, expect.stringContaining('Das Zertifikat kam nicht: chat.praxis.test: no answer')])
  expect(restarts()).toBe(0)
})

test('a fault of the program is no objection of the authority', async () => {
  const { visitor } = await certificatePage(() => Promise.reject(new Error('secret inner life')))
  const { status, text } = await visitor.send('/certificate', '/certificate', terms)
  expect(status).toBe(500)
  expect(text).not.toContain('secret inner life')
})

test('without port 80 the records to enter are shown until they are used', async () => {
  const { visitor, restarts } = await certificatePage()
  const shown = await visitor.send('/certificate', '/certificate/begin', terms)
  expect(shown.text).toContain('_acme-challenge.chat.praxis.test')
  expect(restarts()).toBe(0)
  await visitor.send('/certificate', '/certificate/finish', {})
  expect(restarts()).toBe(1)
})
