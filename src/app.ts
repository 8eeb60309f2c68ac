import manifest from '../package.json' with { type: 'json' }
import { accountDataEndpoints } from './account-data/endpoints.ts'
import { transferAccountData } from './account-data/follow-upgrade.ts'
import { ignoredUsersOf } from './account-data/ignored-users.ts'
import { roomAccountDataOf, setAccountData } from './account-data/store.ts'
import { accountDataStream } from './account-data/stream.ts'
import { type Accounts, createAccounts } from './accounts/accounts.ts'
import { inviteProblem } from './accounts/invite-problem.ts'
import type { PasswordCost } from './accounts/password-hashing.ts'
import { allUsers } from './accounts/store.ts'
import type { Config } from './config.ts'
import { createDirectory } from './directory/directory.ts'
import { createFederation } from './federation/federation.ts'
import { carryOutKeyCommand } from './federation/key-commands.ts'
import type { Network } from './federation/network.ts'
import { loadOwnKeys } from './federation/own-keys.ts'
import { type EduReceiver, transactionEndpoints } from './federation/transactions.ts'
import { type GroundPlatform, openGround } from './ground.ts'
import type { Endpoint } from './http/endpoint.ts'
import { type HttpApp, type Mounting, mount } from './http/mount.ts'
import { createRateLimits, noRateLimits } from './http/rate-limits.ts'
import { keyBackupEndpoints } from './key-backup/endpoints.ts'
import { forgetBackups } from './key-backup/versions.ts'
import { isCrossSigningKey } from './keys/cross-signing-keys.ts'
import { keysEndpoints } from './keys/endpoints.ts'
import { keysFederationEndpoints } from './keys/federation-endpoints.ts'
import { deviceRenamed, forgetCrossSigningKeys, forgetDeviceKeys } from './keys/forget.ts'
import { createKeyChanges } from './keys/key-changes.ts'
import { createRemoteKeys } from './keys/remote.ts'
import { keysStream } from './keys/stream.ts'
import type { ServerName, UserId } from './matrix/identifiers.ts'
import { createMedia } from './media/media.ts'
import { openidEndpoints, openidFederationEndpoints } from './openid/endpoints.ts'
import { forgetOpenidTokens } from './openid/store.ts'
import { guardSigner } from './operations/clock-guard.ts'
import { explainTrouble } from './operations/explain-trouble.ts'
import type { Metrics } from './operations/metrics.ts'
import { createOperations, type Operations } from './operations/operations.ts'
import { createPartnerClock } from './operations/partner-clocks.ts'
import { refuseWhenReadOnly } from './operations/read-only.ts'
import type { Clock } from './platform/clock.ts'
import type { Log } from './platform/log.ts'
import type { Random } from './platform/random.ts'
import { audienceOf } from './presence/audience.ts'
import { presenceEndpoints } from './presence/endpoints.ts'
import { createPresence } from './presence/presence.ts'
import { receivePresence } from './presence/receive.ts'
import { createPresenceNews } from './presence/remote-presence.ts'
import { presenceStream } from './presence/stream.ts'
import { profileEndpoints } from './profiles/endpoints.ts'
import { profileFederationEndpoints } from './profiles/federation-endpoints.ts'
import { createRemoteProfiles } from './profiles/remote-profiles.ts'
import { forgetProfile, profileOf } from './profiles/store.ts'
import { createUnreadCounter } from './push/counter.ts'
import { pushRuleEndpoints } from './push/endpoints.ts'
import { transferRoomRules } from './push/follow-upgrade.ts'
import { roomFacts } from './push/room-facts.ts'
import { pushRulesOf } from './push/store.ts'
import { pushRulesSource } from './push/stream.ts'
import { unreadFields } from './push/unread-fields.ts'
import { receiptEndpoints } from './receipts/endpoints.ts'
import { receiveReceipts } from './receipts/receive.ts'
import { createReceiptNews } from './receipts/remote-receipts.ts'
import { readPositionsOf } from './receipts/store.ts'
import { receiptsStream } from './receipts/stream.ts'
import { reportEndpoints } from './reports/endpoints.ts'
import { pduText } from './rooms/event-store.ts'
import { createRooms, type Rooms } from './rooms/rooms.ts'
import { allowedInRoom } from './rooms/server-acl.ts'
import { knownServers as serversOfRooms, serversSharingRoomWith } from './rooms/servers.ts'
import { sharingChanges } from './rooms/sharing.ts'
import { collectUnusedStates } from './rooms/state-collection.ts'
import type { RoomFields, SyncStream } from './rooms/sync-stream.ts'
import { parseToken, placeOf, pushView, relationOf } from './rooms/timeline.ts'
import { forgetTransactions } from './rooms/transactions.ts'
import { serverInfoEndpoints } from './server-info/endpoints.ts'
import { createSpaces } from './spaces/spaces.ts'
import type { StorageProblem } from './storage/problems.ts'
import type { Storage } from './storage/storage.ts'
import { syncEndpoints } from './sync/endpoints.ts'
import { createKnownMembers } from './sync/known-members.ts'
import { acknowledgeSync } from './to-device/acknowledge.ts'
import { toDeviceEndpoints } from './to-device/endpoints.ts'
import { receiveToDevice } from './to-device/receive.ts'
import { createSendRemote } from './to-device/remote-send.ts'
import { forgetDeviceMessages } from './to-device/store.ts'
import { toDeviceStream } from './to-device/stream.ts'
import { typingEndpoints } from './typing/endpoints.ts'
import { receiveTyping } from './typing/receive.ts'
import { createTypingNews } from './typing/remote-typing.ts'
import { typingStream } from './typing/stream.ts'
import { createTyping } from './typing/typing.ts'

/** The outside world, so that tests can bring their own. */
export interface Platform extends GroundPlatform {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Of hashing a password; cheap in tests. */
  readonly passwordCost?: PasswordCost
  /** The way to other servers. */
  readonly network?: Network
  /** What programs that this one starts may find in their environment. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface App {
  readonly client: HttpApp
  /** What other servers reach; undefined: this server does not speak with others. */
  readonly federation: HttpApp | undefined
  readonly storage: Storage
  /** Of both. */
  readonly endpoints: readonly Endpoint[]
  /** What the metrics listener serves; undefined: it is off. */
  readonly metrics: Metrics['app'] | undefined
  /** Jobs, backup, disk and clock, and the commands about them. */
  readonly operations: Operations
  /** What the owner does from the command line. */
  readonly administration: Accounts['administration']
  readonly sessions: Accounts['sessions']
  readonly rooms: Rooms
  /** Undefined: this server does not speak with others. */
  readonly retryPartner: ((server: ServerName) => void) | undefined
  /** Answers long polls, finishes writes, closes the database. */
  close(): Promise<void>
}

/** Builds every part once, from the ground up; the only place that knows them all. `ground`: a storage that outlives it. */
export async function createApp(
  config: Config,
  platform: Platform,
  onFatal: (problem: StorageProblem) => void,
  ground?: Storage,
): Promise<App> {
  const { clock, timers, log } = platform
  const storage = ground ?? openGround(config, platform, onFatal)
  const serverName = config.server_name as ServerName
  const accounts = createAccounts({
    ...platform,
    storage,
    serverName,
    registration: config.registration,
    registrationSharedSecret: config.registration_shared_secret,
    hooks: {
      onDeviceRemoved(tx, userId, deviceId) {
        forgetDeviceKeys(tx, keyChanges, userId, deviceId)
        forgetDeviceMessages(tx, userId, deviceId)
        forgetTransactions(tx, userId, deviceId)
      },
      onDeviceChanged: (tx, userId, deviceId) => deviceRenamed(tx, keyChanges, userId, deviceId),
      onDeactivated(tx, userId, erase) {
        forgetCrossSigningKeys(tx, keyChanges, userId)
        forgetBackups(tx, userId)
        forgetProfile(tx, userId)
        forgetOpenidTokens(tx, userId)
        rooms.membership.leaveAll(tx, userId as UserId)
        if (erase) media.forgetMediaOf(tx, userId)
      },
      isCrossSigningKey,
    },
  })
  const typing = createTyping({ storage, timers, log, told: (nid, userId, types) => typingNews?.(nid, userId, types) })
  const presence = config.presence
    ? createPresence({ storage, clock, timers, log, audienceOf, told: (users) => presenceNews?.tell(users) })
    : undefined
  const active = (userId: string) => presence?.active(userId)
  const clockGuard = createPartnerClock({ storage, clock, log, federation: () => federation })
  const ownKeys = loadOwnKeys(config.data_dir, serverName, platform.random)
  const signer = guardSigner(ownKeys.signer, clockGuard.state)
  const federation =
    config.federation_listen &&
    createFederation({
      ...platform,
      storage,
      signer,
      own: ownKeys,
      trustedNotaries: config.key_notaries,
      version: manifest.version,
      allowedAddresses: config.allow_addresses,
      extraCa: config.extra_ca,
      network: platform.network,
    })
  const keyChanges = createKeyChanges(
    federation && { serverName, enqueueEdu: federation.sender.enqueueEdu, serversSharingRoomWith },
  )
  const presenceNews =
    federation &&
    presence &&
    createPresenceNews({ storage, timers, serverName, presence, sendEphemeral: federation.sender.sendEphemeral })
  const typingNews =
    federation && createTypingNews({ storage, clock, serverName, sendEphemeral: federation.sender.sendEphemeral })
  const remoteKeys = federation && createRemoteKeys({ ...platform, storage, client: federation.client, serverName })
  const media = await createMedia({
    ...platform,
    storage,
    directory: config.data_dir,
    serverName,
    maxUploadBytes: config.max_upload_bytes,
    downloads: federation?.downloads,
    openMedia: config.open_media,
    remoteCacheBytes: config.remote_media_cache_bytes,
  })
  const client = federation?.client
  const directory = createDirectory({
    storage,
    serverName,
    builder: { signer, random: platform.random, now: () => clock.now(), enqueue: federation?.sender.enqueuePdu },
    localUsers: (reader) => allUsers(reader).flatMap(({ userId, deactivated }) => (deactivated ? [] : [userId])),
    profileOf,
    client,
    log,
  })
  const spaces = createSpaces({ ...platform, storage, serverName, client, resolveAlias: directory.lookUp })
  const rooms = createRooms({
    storage,
    clock,
    timers,
    log,
    random: platform.random,
    signer,
    defaultVersion: config.default_room_version,
    encryptPrivateRooms: config.encrypt_new_rooms,
    profileOf: (reader, userId) => ({ ...profileOf(reader, userId) }),
    inviteProblem: (reader, userId) => inviteProblem(reader, userId, serverName, federation !== undefined),
    transferSettings(tx, userId, from, to) {
      transferAccountData(tx, userId, from, to)
      transferRoomRules(tx, userId, from.roomId, to.roomId)
    },
    active,
    federation: federation && {
      client: federation.client,
      verify: federation.verifyEvents,
      enqueue: federation.sender.enqueuePdu,
      onJoined: keyChanges.joined,
      resolveAlias: directory.lookUp,
    },
  })
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
      parseToken,
      sharingChanges,
      changes: keyChanges,
      remote: remoteKeys,
      async confirm({ userId }, auth) {
        const operation = 'POST /keys/device_signing/upload'
        await accounts.interactiveAuth.require({ auth, operation, flows: [['m.login.password']], userId })
      },
    }),
    ...keyBackupEndpoints({ storage }),
    ...toDeviceEndpoints({
      storage,
      clock,
      serverName,
      sendRemote: federation && createSendRemote({ enqueueEdu: federation.sender.enqueueEdu, random: platform.random }),
    }),
    ...reportEndpoints({ storage, clock, log }),
    ...typingEndpoints({ storage, typing, active }),
    ...receiptEndpoints({
      storage,
      clock,
      positionOf: placeOf,
      relationOf,
      fullyRead: {
        get(reader, userId, roomNid) {
          const marker = roomAccountDataOf(reader, userId, roomNid, 'm.fully_read')?.event_id
          return typeof marker === 'string' ? marker : undefined
        },
        set: (tx, userId, roomNid, eventId) => setAccountData(tx, userId, roomNid, 'm.fully_read', { event_id: eventId }),
      },
      active,
      tellOthers: federation && createReceiptNews({ serverName, enqueueEdu: federation.sender.enqueueEdu }),
    }),
    ...(presence ? presenceEndpoints({ storage, presence }) : []),
    ...media.endpoints,
    ...openidEndpoints({ storage, serverName, clock, random: platform.random }),
    ...directory.endpoints,
    ...spaces.endpoints,
    ...profileEndpoints({
      storage,
      serverName,
      remoteProfiles: federation && createRemoteProfiles(federation.client, clock, log),
      announce: (userId) => rooms.membership.announceProfile(userId as UserId),
    }),
  ]

  const compose = { streams, fields: roomFields, known: createKnownMembers(), ignoredUsersOf }
  endpoints.push(
    ...rooms.endpoints,
    ...syncEndpoints({
      ...compose,
      storage,
      clock,
      acknowledge: (session, since) => acknowledgeSync(storage, session.userId, session.deviceId, since),
      present: (session, state, timeout) => presence?.syncing(session.userId, session.deviceId, state, timeout),
    }),
    ...serverInfoEndpoints({
      defaultRoomVersion: config.default_room_version,
      publicUrl: config.public_url,
      federationAddress: config.federation_address,
    }),
  )

  const metrics =
    config.metrics_listen && (await import('./operations/metrics.ts')).createMetrics({ storage, clock, timers, log })
  const mounting: Mounting = {
    clock,
    log,
    rateLimits: config.rate_limits ? createRateLimits(clock) : noRateLimits,
    trustedProxies: config.trusted_proxies,
    explain: explainTrouble,
    observe: metrics?.observe ?? (() => undefined),
  }
  const receivers = new Map<string, EduReceiver>([
    ...(remoteKeys?.receivers ?? []),
    ['m.typing', receiveTyping({ storage, typing, allowedInRoom })],
    ['m.receipt', receiveReceipts({ storage, clock, log, positionOf: placeOf, allowedInRoom })],
    ...(presence ? [['m.presence', receivePresence({ storage, presence, serverName })] as const] : []),
    ['m.direct_to_device', receiveToDevice({ storage, clock, log, serverName })],
  ])
  federation?.sender.start(pduText, serversOfRooms)
  const serverEndpoints = federation
    ? [
        ...federation.endpoints,
        ...rooms.serverEndpoints,
        ...transactionEndpoints({ storage, clock, log, pdus: rooms.receive, edus: receivers }),
        ...media.serverEndpoints,
        ...openidFederationEndpoints({ storage, clock }),
        ...profileFederationEndpoints(storage, serverName),
        ...keysFederationEndpoints(storage, serverName),
        ...directory.serverEndpoints,
        ...spaces.serverEndpoints,
      ]
    : []
  const operations = await createOperations({
    ...platform,
    config,
    storage,
    serverName,
    version: manifest.version,
    clockGuard,
    keyId: () => signer.keyId,
    federation,
    receive: rooms.receive,
    shrinkRemoteMedia: media.trimming.shrink,
    jobs: [
      { name: 'unused states', when: '41 3 * * 0', run: () => collectUnusedStates(storage) },
      ...(remoteKeys ? [{ name: 'devices of strangers', when: '37 3 * * *', run: remoteKeys.forgetStrangers }] : []),
      { name: 'remote media', when: '*/10 * * * *', run: media.trimming.trim, due: media.trimming.due },
    ],
  })
  const rotate = () => {
    if (clockGuard.state().state === 'wrong') return { refused: 'The clock of this server is wrong: set it first.' }
    const rotated = ownKeys.rotate(clock.now())
    log.info(rotated, 'a new signing key')
    return rotated
  }
  const guarded = (open: readonly Endpoint[]) => refuseWhenReadOnly(open, () => operations.disk.readOnly)
  return {
    // Behind a proxy both are often reached on one port.
    client: mount(guarded([...endpoints, ...serverEndpoints]), {
      ...mounting,
      authenticate: accounts.authenticate,
      ...(federation && { authenticateServer: federation.authenticate }),
    }),
    federation: federation && mount(guarded(serverEndpoints), { ...mounting, authenticateServer: federation.authenticate }),
    storage,
    endpoints: [...endpoints, ...serverEndpoints],
    metrics: metrics?.app,
    operations: { ...operations, carryOut: (line) => carryOutKeyCommand(line, rotate) ?? operations.carryOut(line) },
    administration: accounts.administration,
    sessions: accounts.sessions,
    rooms,
    retryPartner: federation?.sender.retryNow,
    async close() {
      typing.close()
      presenceNews?.close()
      presence?.close()
      await media.close()
      await accounts.close()
      federation?.close()
      await (ground ? storage.idle() : storage.close())
    },
  }
}
