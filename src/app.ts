import { join } from 'node:path'
import { accountDataEndpoints } from './account-data/endpoints.ts'
import { ignoredUsersOf } from './account-data/ignored-users.ts'
import { roomAccountDataOf, setAccountData } from './account-data/store.ts'
import { accountDataStream } from './account-data/stream.ts'
import { type Accounts, createAccounts } from './accounts/accounts.ts'
import type { PasswordCost } from './accounts/password-hashing.ts'
import type { Config } from './config.ts'
import type { Endpoint } from './http/endpoint.ts'
import { MatrixError } from './http/errors.ts'
import { type HttpApp, mount } from './http/mount.ts'
import { createRateLimits, noRateLimits } from './http/rate-limits.ts'
import { keyBackupEndpoints } from './key-backup/endpoints.ts'
import { forgetBackups } from './key-backup/versions.ts'
import { isCrossSigningKey } from './keys/cross-signing-keys.ts'
import type { SharingChanges } from './keys/device-lists.ts'
import { keysEndpoints } from './keys/endpoints.ts'
import { deviceRenamed, forgetCrossSigningKeys, forgetDeviceKeys } from './keys/forget.ts'
import { keysStream } from './keys/stream.ts'
import type { ServerName } from './matrix/identifiers.ts'
import type { Clock, Timers } from './platform/clock.ts'
import type { Log } from './platform/log.ts'
import type { Random } from './platform/random.ts'
import { audienceOf } from './presence/audience.ts'
import { presenceEndpoints } from './presence/endpoints.ts'
import { createPresence } from './presence/presence.ts'
import { presenceStream } from './presence/stream.ts'
import { createUnreadCounter } from './push/counter.ts'
import { pushRuleEndpoints } from './push/endpoints.ts'
import { roomFacts } from './push/room-facts.ts'
import { pushRulesOf } from './push/store.ts'
import { pushRulesSource } from './push/stream.ts'
import { unreadFields } from './push/unread-fields.ts'
import { receiptEndpoints } from './receipts/endpoints.ts'
import { readPositionsOf } from './receipts/store.ts'
import { receiptsStream } from './receipts/stream.ts'
import type { RoomFields, SyncStream } from './rooms/sync-stream.ts'
import { positionOf, pushView, relationOf } from './rooms/timeline.ts'
import { StorageProblem } from './storage/problems.ts'
import { openStorage, type Storage } from './storage/storage.ts'
import { toDeviceEndpoints } from './to-device/endpoints.ts'
import { forgetDeviceMessages } from './to-device/store.ts'
import { toDeviceStream } from './to-device/stream.ts'
import { typingEndpoints } from './typing/endpoints.ts'
import { typingStream } from './typing/stream.ts'
import { createTyping } from './typing/typing.ts'

/** The outside world, so that tests can bring their own. */
export interface Platform {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: Log
  /** Makes the database's log durable; a test may make it slow. */
  readonly sync?: (fileDescriptor: number) => Promise<void>
  /** False in short-lived tests: no thread moves the log into the database. */
  readonly checkpoints?: boolean
  /** Of hashing a password; cheap in tests. */
  readonly passwordCost?: PasswordCost
}

export interface App {
  readonly client: HttpApp
  readonly storage: Storage
  readonly endpoints: readonly Endpoint[]
  /** What the owner does from the command line. */
  readonly administration: Accounts['administration']
  /** Answers long polls, finishes writes, closes the database. */
  close(): Promise<void>
}

const migrations = join(import.meta.dirname, '..', 'drizzle')

/** Builds every part once, from the ground up; the only place that knows them all. */
export async function createApp(config: Config, platform: Platform, onFatal: (problem: StorageProblem) => void): Promise<App> {
  const { clock, timers, log } = platform
  const storage = openStorage({
    directory: config.data_dir,
    migrations,
    timers,
    onFatal,
    ...(platform.sync && { sync: platform.sync }),
    checkpoints: platform.checkpoints ?? true,
  })
  const accounts = createAccounts({
    ...platform,
    storage,
    serverName: config.server_name as ServerName,
    registration: config.registration,
    registrationSharedSecret: config.registration_shared_secret,
    hooks: {
      onDeviceRemoved(tx, userId, deviceId) {
        forgetDeviceKeys(tx, userId, deviceId)
        forgetDeviceMessages(tx, userId, deviceId)
      },
      onDeviceChanged: deviceRenamed,
      onDeactivated(tx, userId) {
        forgetCrossSigningKeys(tx, userId)
        forgetBackups(tx, userId)
      },
      isCrossSigningKey,
    },
  })
  const typing = createTyping({ storage, timers, log })
  const presence = config.presence ? createPresence({ storage, clock, timers, log, audienceOf }) : undefined
  const active = (userId: string) => presence?.active(userId)
  // Nobody can share a room as long as none can be made: rooms/ will say who began and ceased to.
  const sharingChanges: SharingChanges = () => ({ joined: [], left: [] })
  const streams: SyncStream[] = [
    keysStream(sharingChanges),
    toDeviceStream(),
    accountDataStream([pushRulesSource]),
    receiptsStream,
    typingStream(typing),
    ...(presence ? [presenceStream(presence)] : []),
  ]
  const roomFields: RoomFields[] = [
    unreadFields(createUnreadCounter({ storage, log, pushView, readPositionsOf, ignoredUsersOf, roomFacts })),
  ]
  const endpoints: Endpoint[] = [
    ...accounts.endpoints,
    ...accountDataEndpoints({ storage, managed: new Map([['m.push_rules', pushRulesOf]]) }),
    ...pushRuleEndpoints(storage),
    ...keysEndpoints({
      storage,
      serverName: config.server_name,
      parseToken: (token) => (/^\d{1,15}$/.test(token) ? Number(token) : undefined),
      sharingChanges,
      async confirm({ userId }, auth) {
        const operation = 'POST /keys/device_signing/upload'
        await accounts.interactiveAuth.require({ auth, operation, flows: [['m.login.password']], userId })
      },
    }),
    ...keyBackupEndpoints({ storage }),
    ...toDeviceEndpoints({ storage, clock, serverName: config.server_name }),
    ...typingEndpoints({ storage, typing, active }),
    ...receiptEndpoints({
      storage,
      clock,
      positionOf,
      relationOf,
      fullyRead: {
        get(reader, userId, roomNid) {
          const marker = roomAccountDataOf(reader, userId, roomNid, 'm.fully_read')?.event_id
          return typeof marker === 'string' ? marker : undefined
        },
        set: (tx, userId, roomNid, eventId) => setAccountData(tx, userId, roomNid, 'm.fully_read', { event_id: eventId }),
      },
      active,
    }),
    ...(presence ? presenceEndpoints({ storage, presence }) : []),
  ]

  const client = mount(endpoints, {
    clock,
    log,
    rateLimits: config.rate_limits ? createRateLimits(clock) : noRateLimits,
    authenticate: accounts.authenticate,
    explain: explainStorage,
    observe: () => undefined,
  })
  void [streams, roomFields]
  return {
    client,
    storage,
    endpoints,
    administration: accounts.administration,
    async close() {
      typing.close()
      presence?.close()
      await accounts.close()
      await storage.close()
    },
  }
}

/** A disk that takes no more data is the server's trouble, not the client's mistake: it may try again. */
function explainStorage(error: unknown): MatrixError | undefined {
  if (!(error instanceof StorageProblem)) return undefined
  return new MatrixError(503, 'M_UNKNOWN', error.kind === 'full' ? 'The server has no space left' : 'The server cannot store anything at the moment')
}
