import type { Network } from '../../src/federation/network.ts'

/** The way from server to server inside of one process: no ports, no TLS, no names to resolve. */
export interface TestNetwork extends Network {
  /** What answers under a server's name on the usual port. */
  host(name: string, serve: (request: Request) => Response | Promise<Response>): void
  /** From now on nobody answers under this name. */
  cut(name: string): void
  /** `NAME/target` of all requests that were made. */
  readonly asked: readonly string[]
}

const federationPort = 8448

export function createTestNetwork(): TestNetwork {
  const hosts = new Map<string, (request: Request) => Response | Promise<Response>>()
  const asked: string[] = []
  return {
    asked,
    host: (name, serve) => hosts.set(name, serve),
    cut: (name) => hosts.delete(name),
    services: async () => [],
    close: () => undefined,
    async exchange({ method, host, port, tlsName, target, headers, body, limits }) {
      asked.push(`${headers.host}${target}`)
      const serve = port === federationPort && host === tlsName ? hosts.get(headers.host ?? '') : undefined
      if (!serve) return { problem: 'nobody is there', sent: false }
      const request = new Request(`https://${headers.host}${target}`, { method, headers, ...(body !== undefined && { body }) })
      const response = await serve(request)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (bytes.length > limits.bytes) return { problem: 'too much', sent: true }
      return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes }
    },
  }
}
