import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { startServerProcess } from '../support/server-process.ts'

/** Serial number of the certificate that is shown there. */
function shown(address: string): Promise<string> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN?.toString() ?? '')
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

test('a certificate that the server got for itself is shown to others, and looked after', async () => {
  const server = await startServerProcess({
    HAUSBOTE_LOG_LEVEL: 'error',
    HAUSBOTE_SERVER_NAME: 'praxis.test',
    HAUSBOTE_FEDERATION_LISTEN: '127.0.0.1:0',
  })
  onTestFinished(() => server.remove())
  expect(server.output).toMatch(/Other servers reach it at http:/)
  const certificates = join(server.directory, 'certificates')
  mkdirSync(certificates)
  const authority = createAuthority()
  const own = authority.issue('DNS:praxis.test')
  copyFileSync(own.certFile, join(certificates, 'tls.crt'))
  copyFileSync(own.keyFile, join(certificates, 'tls.key'))
  // Two days are less than a third of nothing: it is asked for again at once, from an authority that is not there.
  writeFileSync(
    join(certificates, 'request.json'),
    JSON.stringify({ names: ['praxis.test'], proof: 'http', directory: 'https://127.0.0.1:1/dir' }),
  )
  await server.restart()
  const address = [...server.output.matchAll(/Other servers reach it at (https:\S+)/g)].at(-1)?.[1] ?? ''
  expect(await shown(address)).toMatch(/^test /)
  const { out } = await server.command(['certificate', 'show'])
  expect(out).toMatch(/^The certificate for praxis\.test by Test lasts until \d{4}-/)
  const refused = await server.command(['certificate', 'request', 'praxis.test', '--authority', 'https://127.0.0.1:1/dir'])
  expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/internal address|ECONNREFUSED|listen/)])
})
