import type { Incoming, Network, Outgoing, Unanswered } from '../../src/federation/network.ts'
import { pour } from '../../src/federation/sink.ts'

/** What becomes of a request: `unanswered`: it arrives, but the answer is lost. */
export type Fate = 'arrives' | 'lost' | 'unanswered' | 'twice'

/** The way from server to server inside of one process: no ports, no TLS, no names to resolve. */
export interface TestNetwork extends Network {
  /** What answers under a server's name on the usual port. */
  host(name: string, serve: (request: Request) => Response | Promise<Response>): void
  /** From now on nobody answers under this name. */
  cut(name: string): void
  /** Decides about each request from now on; `from` is undefined where it is not signed. */
  disturb(fate: (from: string | undefined, to: string, target: string) => Fate | Promise<Fate>): void
  /** Requests without an answer yet. */
  readonly underWay: number
  /** `NAME/target` of all requests that were made. */
  readonly asked: readonly string[]
}

const federationPort = 8448

export function createTestNetwork(): TestNetwork {
  const hosts = new Map<string, (request: Request) => Response | Promise<Response>>()
  const asked: string[] = []
  let fateOf: (from: string | undefined, to: string, target: string) => Fate | Promise<Fate> = () => 'arrives'
  let underWay = 0
  return {
    asked,
    get underWay() {
      return underWay
    },
    disturb(fate) {
      fateOf = fate
    },
    host: (name, serve) => hosts.set(name, serve),
    cut: (name) => hosts.delete(name),
    services: async () => [],
    close: () => undefined,
    async exchange(request) {
      underWay += 1
      try {
        return await answer(request)
      } finally {
        underWay -= 1
      }
    },
  }

  async function answer({
    method,
    host,
    port,
    tlsName,
    target,
    headers,
    body,
    limits,
    open,
  }: Outgoing): Promise<Incoming | Unanswered> {
    asked.push(`${headers.host}${target}`)
    const serve = port === federationPort && host === tlsName ? hosts.get(headers.host ?? '') : undefined
    if (!serve) return { problem: 'nobody is there', sent: false }
    const ask = () =>
      serve(new Request(`https://${headers.host}${target}`, { method, headers, ...(body !== undefined && { body }) }))
    const fate = await fateOf(/origin="([^"]*)"/.exec(headers.authorization ?? '')?.[1], headers.host ?? '', target)
    if (fate === 'lost') return { problem: 'the request was lost', sent: false }
    if (fate === 'twice') await ask()
    const response = await ask()
    if (fate === 'unanswered') return { problem: 'the answer was lost', sent: true }
    const head = { status: response.status, headers: Object.fromEntries(response.headers) }
    const sink = open?.(head)
    if (sink) {
      const { problem } = response.body ? await pour(response.body, limits.bytes, sink) : { problem: undefined }
      return problem === undefined ? { ...head, body: Buffer.alloc(0) } : { problem, sent: true, begun: true }
    }
    const bytes = Buffer.from(await response.arrayBuffer())
    if (bytes.length > limits.bytes) return { problem: 'too much', sent: true, ...(open && { begun: true }) }
    return { ...head, body: bytes }
  }
}
