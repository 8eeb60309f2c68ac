import { MatrixError } from '../../src/http/errors.ts'
import type { SharingChanges } from '../../src/keys/device-lists.ts'
import { keysEndpoints } from '../../src/keys/endpoints.ts'
import { createKeyChanges } from '../../src/keys/key-changes.ts'
import { keysStream } from '../../src/keys/stream.ts'
import { createKit, type Kit } from './kit.ts'

/** Without other servers. */
export const keyChanges = createKeyChanges(undefined)

export interface KeysKit extends Kit {
  /** What the rooms would say about who shares rooms since when. */
  sharing: { joined: string[]; left: string[] }
}

/** The keys capability by itself; interactive authentication is `auth: { password: 'right' }`. */
export function createKeysKit(): KeysKit {
  const sharing = { joined: [] as string[], left: [] as string[] }
  const sharingChanges: SharingChanges = () => sharing
  const kit = createKit({
    endpoints: (storage) =>
      keysEndpoints({
        storage,
        serverName: 'a.test',
        parseToken: (token) => (/^\d+$/.test(token) ? Number(token) : undefined),
        sharingChanges,
        changes: keyChanges,
        remote: undefined,
        async confirm(_session, auth) {
          if (auth?.password !== 'right') throw new MatrixError(401, 'M_FORBIDDEN', 'Authenticate', { flows: [], session: 's' })
        },
      }),
    streams: [keysStream(sharingChanges)],
  })
  return Object.assign(Object.create(null, Object.getOwnPropertyDescriptors(kit)), { sharing })
}
