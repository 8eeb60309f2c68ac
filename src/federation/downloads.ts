import type { ServerName } from '../matrix/identifiers.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Egress } from './egress.ts'
import type { Incoming, Limits, Unanswered } from './network.ts'
import { authorizationFor } from './request-auth.ts'
import type { OpenSink } from './sink.ts'
import type { Transport } from './transport.ts'

/** Answers that are too large for memory, or no JSON: their bodies go into a sink. Each passes the one way out, with all its checks. */
export interface Downloads {
  /** GET of a server. `signed`: in the name of this one. */
  from(
    server: ServerName,
    wish: DownloadWish & { readonly target: string; readonly signed: boolean },
  ): Promise<Incoming | Unanswered>
  /** GET of an `https:` address that a server named; redirects are followed a few times. */
  at(address: string, wish: DownloadWish): Promise<Incoming | Unanswered>
}

export interface DownloadWish {
  readonly limits: Limits
  readonly open: OpenSink
}

interface DownloadsDeps {
  readonly signer: Signer
  readonly transport: Transport
  readonly egress: Egress
}

/** As they are: what is compressed could become anything. */
const headers = { accept: '*/*', 'accept-encoding': 'identity' }
const maxRedirects = 3

export function createDownloads({ signer, transport, egress }: DownloadsDeps): Downloads {
  return {
    from(destination, { target, signed, limits, open }) {
      const method = 'GET'
      const authorization = signed ? authorizationFor(signer, { method, target, destination, content: undefined }) : undefined
      return transport.send(destination, {
        method,
        target,
        headers: { ...headers, ...(authorization && { authorization }) },
        limits,
        open,
      })
    },
    at: (address, { limits, open }) => egress.get(address, maxRedirects, limits, { headers, open }),
  }
}
