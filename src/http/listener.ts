import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import type { Milliseconds } from '../platform/clock.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface Listener {
  /** With the port that the system chose, where 0 was asked for. */
  readonly address: ListenAddress
  /** Takes no new connections, lets running requests end, and cuts what is left after `grace`. */
  close(grace: Milliseconds): Promise<void>
}

type Fetch = (request: Request, env: never) => Response | Promise<Response>

/** Serves an application on a TCP address. The limits keep slow or greedy peers from holding connections. */
export function listen(fetch: Fetch, address: ListenAddress): Promise<Listener> {
  const server = createAdaptorServer({
    fetch: fetch as (request: Request) => Response | Promise<Response>,
    overrideGlobalObjects: true,
    serverOptions: { maxHeaderSize: 16 * 1024, headersTimeout: 20_000, requestTimeout: 300_000, keepAliveTimeout: 75_000 },
  }) as Server
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, 1024, () => {
      server.off('error', reject)
      const bound = server.address()
      const port = typeof bound === 'object' && bound ? bound.port : address.port
      resolve({ address: { host: address.host, port }, close: (grace) => close(server, grace) })
    })
  })
}

function close(server: Server, grace: Milliseconds): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), grace)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
