import listed from './operations.json' with { type: 'json' }

/** An operation of the specification's APIs. */
export interface ListedOperation {
  readonly api: 'client-server' | 'server-server' | 'application-service' | 'push-gateway'
  readonly id: string
  readonly method: string
  readonly path: string
  readonly deprecated: boolean
}

/** All operations of the official API description, in its order. */
export const operations: readonly ListedOperation[] = listed.map(({ api, id, m, p, dep }) => ({
  api: api as ListedOperation['api'],
  id,
  method: m,
  path: p,
  deprecated: dep,
}))

/** As records and the table name an operation. */
export function nameOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path}`
}
