import type { Egress } from './egress.ts'
import type { Network } from './network.ts'
import type { Transport } from './transport.ts'

/** Unsigned questions, for a look at how this server and others can be reached. */
export interface Outside {
  readonly send: Transport['send']
  readonly get: Egress['get']
  readonly exchange: Egress['exchange']
  readonly services: Network['services']
}
