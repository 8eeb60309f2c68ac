import { createWorld, federating, type TestServer, type TestUser, type World } from '../support/world.ts'

export interface Facing {
  readonly world: World
  readonly a: TestServer
  readonly alice: TestUser
  /** Paths and queries that were asked for at the partner. */
  readonly asked: () => readonly string[]
}

/** a.test with Alice, and peer.test, of which only the media are there. */
export async function facing(
  answer: (request: Request) => Response | Promise<Response>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Facing> {
  const world = await createWorld()
  world.network.host('peer.test', answer)
  const a = await world.server('a.test', { ...federating, ...settings })
  const asked = () =>
    world.network.asked.flatMap((what) => (what.startsWith('peer.test/_matrix/') ? [what.slice('peer.test'.length)] : []))
  return { world, a, alice: await a.register('alice'), asked }
}

/** Two servers, each with one user. */
export async function twoServers(settings: Readonly<Record<string, string>> = {}) {
  const world = await createWorld()
  const [a, b] = [await world.server('a.test', { ...federating, ...settings }), await world.server('b.test', federating)]
  return { world, a, b, alice: await a.register('alice'), bob: await b.register('bob') }
}

/** An answer as it should be; `headers`: of the media. */
export function multipart(media: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Response {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const before = `--xyz\r\nContent-Type: application/json\r\n\r\n{}\r\n--xyz\r\n${lines.join('')}\r\n`
  const body = Buffer.concat([Buffer.from(before), Buffer.from(media), Buffer.from('\r\n--xyz--\r\n')])
  return new Response(body, { headers: { 'content-type': 'multipart/mixed; boundary=xyz' } })
}

export const error = (status: number, errcode: string, more = {}) =>
  Response.json({ errcode, error: 'because', ...more }, { status })

/** A body that goes on for as long as anybody reads it; `sent`: bytes so far. */
export function endless(first: string) {
  const count = { sent: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from(first)),
    pull(controller) {
      count.sent += 65_536
      controller.enqueue(new Uint8Array(65_536))
    },
    cancel() {
      count.cancelled = true
    },
  })
  return { body, count }
}
