import { get } from 'node:http'

/** Milliseconds; a small board with a busy disk may take a while. */
const patience = 10_000

interface Answer {
  readonly status: number
  readonly location: string | undefined
}

function ask(port: number, path: string): Promise<Answer | undefined> {
  return new Promise((done) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: patience }, (response) => {
      response.resume()
      done({ status: response.statusCode ?? 0, location: response.headers.location })
    })
    request.on('timeout', () => request.destroy(new Error('too slow')))
    request.on('error', () => done(undefined))
  })
}

/**
 * Whether the owner's page or, once the box is claimed, the messenger answers, and whether somebody owns the box as far as the page tells.
 * Never asks anything outside of this machine.
 */
export async function look(): Promise<{ readonly well: boolean; readonly claimed: boolean }> {
  const [page, versions] = await Promise.all([ask(8450, '/'), ask(8008, '/_matrix/client/versions')])
  const pageWell = page !== undefined && page.status < 500
  return { well: pageWell || versions?.status === 200, claimed: pageWell && page.location !== '/claim' }
}
