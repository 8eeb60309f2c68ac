import type { FederationClient } from '../federation/client.ts'
import type { ServerName, UserId } from '../matrix/identifiers.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { isNeighbour } from '../rooms/servers.ts'
import type { Storage } from '../storage/storage.ts'
import { createAskServers } from './ask-servers.ts'
import { keyReceivers } from './receive.ts'
import { type ClaimFromServers, createClaimFromServers } from './remote-claim.ts'
import { createRemoteLists } from './remote-lists.ts'
import { createQueryServers, type QueryServers } from './remote-query.ts'
import { forgetRemoteList, listedUsersAfter } from './remote-store.ts'

/** Keys of users of other servers. */
export interface RemoteKeys {
  readonly query: QueryServers
  readonly claim: ClaimFromServers
  /** Makes sure that the keys of a user are kept if they can be had, for those who sign them. */
  ensure(askedFor: string, userId: UserId): Promise<void>
  readonly receivers: ReturnType<typeof keyReceivers>
  /** Forgets the devices of users who share no room with this server any more. */
  forgetStrangers(): Promise<void>
}

export interface RemoteKeysDeps {
  readonly storage: Storage
  readonly client: FederationClient
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  readonly serverName: ServerName
}

/** Users looked at in one go. */
const sweepSize = 200

export function createRemoteKeys(deps: RemoteKeysDeps): RemoteKeys {
  const { storage, serverName, log } = deps
  const lists = createRemoteLists(deps)
  const askServers = createAskServers(deps)
  return {
    query: createQueryServers({ ...deps, lists, askServers }),
    claim: createClaimFromServers({ ...deps, askServers }),
    async ensure(askedFor, userId) {
      if (!lists.known(askedFor, userId)) await lists.obtain(askedFor, userId)
    },
    receivers: keyReceivers(lists, log),
    async forgetStrangers() {
      let users = listedUsersAfter(storage.reader, '', sweepSize)
      while (users.length > 0) {
        const some = users
        await storage.write((tx) => {
          for (const userId of some) if (!isNeighbour(tx, serverName, userId)) forgetRemoteList(tx, userId)
        })
        users = listedUsersAfter(storage.reader, some.at(-1) ?? '', sweepSize)
      }
    },
  }
}
