import { request } from 'node:https'
import { expect, onTestFinished, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { startServerProcess } from '../support/server-process.ts'

const versionPath = '/_matrix/federation/v1/version'

async function serverWith(settings: Readonly<Record<string, string>>) {
  const server = await startServerProcess({ HAUSBOTE_FEDERATION_LISTEN: '127.0.0.1:0', ...settings })
  onTestFinished(() => server.remove())
  const url = /^Other servers reach it at (\S+)$/m.exec(server.output)?.[1]
  if (url === undefined) throw new Error(`no address of federation in:\n${server.output}`)
  return { server, url }
}

test('other servers come in through TLS where there is a certificate', async () => {
  const authority = createAuthority()
  const { certFile, keyFile } = authority.issue('DNS:a.test')
  const { server, url } = await serverWith({ HAUSBOTE_TLS_CERTIFICATE: certFile, HAUSBOTE_TLS_KEY: keyFile })
  expect(url).toMatch(/^https:/)
  const status = await new Promise((done, failed) => {
    request(url + versionPath, { ca: authority.ca, servername: 'a.test', agent: false }, (response) =>
      done(response.resume().statusCode),
    )
      .on('error', failed)
      .end()
  })
  expect(status).toBe(200)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('and without TLS behind a proxy', async () => {
  const { server, url } = await serverWith({})
  expect(url).toMatch(/^http:/)
  expect(await (await fetch(url + versionPath)).json()).toMatchObject({ server: { name: 'Hausbote' } })
  // A proxy may lead both kinds of callers to one port.
  expect((await fetch(`${server.url}${versionPath}`)).status).toBe(200)
})
