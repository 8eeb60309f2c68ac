import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { readCertificate, watchCertificate } from '../../src/http/certificate-files.ts'
import { listen } from '../../src/http/listener.ts'
import type { Timers } from '../../src/platform/clock.ts'
import { createAuthority } from '../support/certificates.ts'
import { handMovedClock } from '../support/clock.ts'
import { capturedLog } from '../support/log.ts'

const minute = 60_000

/** A TLS listener whose certificate lies in files that can be exchanged. */
async function setUp() {
  const authority = createAuthority()
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-tls-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const files = { certificate: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  const put = (from: { certFile: string; keyFile: string }, what: 'both' | 'certificate' | 'key' = 'both') => {
    if (what !== 'key') copyFileSync(from.certFile, files.certificate)
    if (what !== 'certificate') copyFileSync(from.keyFile, files.key)
  }
  const issued = [authority.issue('DNS:a.test'), authority.issue('DNS:a.test')] as const
  put(issued[0])
  const clock = handMovedClock()
  let set = 0
  let cancelled = 0
  const timers: Timers = {
    after(delay, callback) {
      set += 1
      const cancel = clock.after(delay, callback)
      return () => {
        cancelled += 1
        cancel()
      }
    },
  }
  const { log, lines } = capturedLog()
  const current = readCertificate(files)
  const listener = await listen(() => new Response('here'), { host: '127.0.0.1', port: 0 }, {}, current)
  onTestFinished(() => listener.close(0))
  const stop = watchCertificate({ files, current, timers, log, use: listener.setCertificate })
  onTestFinished(stop)
  /** A minute passes, and the look that it sets in motion ends: then the next one is set. */
  const look = async () => {
    const before = set
    await clock.advance(minute)
    while (set === before) await new Promise((resolve) => setImmediate(resolve))
  }
  const served = (agent?: Agent) =>
    new Promise<string>((done, failed) => {
      request(
        { host: '127.0.0.1', port: listener.address.port, ca: authority.ca, servername: 'a.test', agent: agent ?? false },
        (response) => {
          const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate()
          response.resume().on('end', () => done(serialNumber))
        },
      )
        .on('error', failed)
        .end()
    })
  return { issued, put, files, look, served, lines, stop, clock, counts: () => ({ set, cancelled }) }
}

test('a renewed certificate is in use within a minute, and open connections stay', async () => {
  const { issued, put, look, served, lines } = await setUp()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const before = await served(agent)
  put(issued[1])
  expect(await served()).toBe(before)
  await look()
  const after = await served()
  expect(after).not.toBe(before)
  expect(await served(agent)).toBe(before)
  expect(lines).toMatchObject([{ msg: 'the renewed certificate is in use' }])
  await look()
  expect(lines).toHaveLength(1)
})

test('a broken pair is reported once, and the one before stays until it is whole', async () => {
  const { issued, put, files, look, served, lines } = await setUp()
  const before = await served()
  put(issued[1], 'certificate')
  await look()
  await look()
  expect(await served()).toBe(before)
  expect(lines).toMatchObject([{ msg: 'the changed certificate cannot be used' }])
  expect(JSON.stringify(lines)).not.toContain('PRIVATE')
  writeFileSync(files.certificate, 'nonsense')
  await look()
  expect(await served()).toBe(before)
  rmSync(files.certificate)
  await look()
  expect(await served()).toBe(before)
  expect(lines).toHaveLength(3)
  put(issued[1])
  await look()
  expect(await served()).not.toBe(before)
})

test('nobody looks any more once it is ended', async () => {
  const { issued, put, served, stop, clock, counts } = await setUp()
  const before = await served()
  stop()
  put(issued[1])
  await clock.advance(10 * minute)
  expect(counts()).toEqual({ set: 1, cancelled: 1 })
  expect(await served()).toBe(before)
})
