import {
  ClientEvent,
  createClient,
  EventStatus,
  EventType,
  type LoginResponse,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  PendingEventOrdering,
  type Room,
  RoomEvent,
  SyncState,
} from 'matrix-js-sdk'
import {
  type CryptoApi,
  type CryptoCallbacks,
  CryptoEvent,
  type VerificationRequest,
} from 'matrix-js-sdk/lib/crypto-api/index.js'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import { RustBackupManager } from 'matrix-js-sdk/lib/rust-crypto/backup.js'

/** A person's client on one device: matrix-js-sdk with its Rust encryption, syncing, everything kept in memory. */
export interface Device {
  readonly client: MatrixClient
  readonly crypto: CryptoApi
  readonly userId: string
  readonly deviceId: string
  /** Resolves with the first truthy answer of `look`, asked again after everything that happens on this device. */
  until<Found>(what: string, look: Look<Found>): Promise<Found>
  /** The room, once this device knows it. */
  room(roomId: string): Promise<Room>
  /** The messages of a room that this device could decrypt, in order, whoever sent them. */
  messages(roomId: string): MatrixEvent[]
  texts(roomId: string): string[]
  /** The first verification that another device has asked for. */
  verificationRequest(): Promise<VerificationRequest>
}

type Look<Found> = () => Found | undefined | false | Promise<Found | undefined | false>

/** Milliseconds after which nobody waits any longer for what a server should have brought long ago. */
const patience = 15_000

// What a client prints of its work is of no interest here: what it cannot do, the story misses.
const nothing = () => undefined
const quiet: typeof logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  log: nothing,
  warn: nothing,
  error: nothing,
  getChild: () => quiet,
}
// Some of its parts print through a logger of all clients.
Object.assign(logger, quiet)

/** A client without an account. */
export function stranger(url: string): MatrixClient {
  return createClient({ baseUrl: url, logger: quiet })
}

// Clients wait up to ten seconds before they save keys, so that not all of a room do it at once.
Object.assign(RustBackupManager, { maxBackupLoopStartDelayMillis: 0 })

/** Starts the client of somebody who has just signed in; resolves after its first sync. */
export async function startDevice(url: string, session: LoginResponse): Promise<Device> {
  const client = createClient({
    baseUrl: url,
    userId: session.user_id,
    deviceId: session.device_id,
    accessToken: session.access_token,
    cryptoCallbacks: rememberedSecretStorageKey(),
    logger: quiet,
  })
  await client.initRustCrypto({ useIndexedDB: false })
  const crypto = client.getCrypto()
  if (!crypto) throw new Error('the client has no encryption')
  const requests: VerificationRequest[] = []
  client.on(CryptoEvent.VerificationRequestReceived, (request) => requests.push(request))
  const device: Device = {
    client,
    crypto,
    userId: session.user_id,
    deviceId: session.device_id,
    until: (what, look) => until(client, `${session.user_id} ${session.device_id}: ${what}`, look),
    room: (roomId) => device.until(`room ${roomId}`, () => client.getRoom(roomId) ?? undefined),
    messages: (roomId) => messagesOf(client.getRoom(roomId)),
    texts: (roomId) => device.messages(roomId).map((event) => event.getContent().body),
    verificationRequest: () => device.until('request to verify', () => requests[0]),
  }
  await client.startClient({ initialSyncLimit: 50, pendingEventOrdering: PendingEventOrdering.Detached })
  await device.until(
    'first sync',
    () => client.getSyncState() === SyncState.Prepared || client.getSyncState() === SyncState.Syncing,
  )
  return device
}

/** The key of the secret storage stays on the device that made it. */
function rememberedSecretStorageKey(): CryptoCallbacks {
  const kept = new Map<string, Uint8Array<ArrayBuffer>>()
  return {
    cacheSecretStorageKey: (id, _info, key) => kept.set(id, key),
    async getSecretStorageKey({ keys }) {
      for (const id of Object.keys(keys)) {
        const key = kept.get(id)
        if (key) return [id, key]
      }
      return null
    },
  }
}

const happenings = [
  ClientEvent.Sync,
  ClientEvent.Room,
  RoomEvent.Timeline,
  RoomEvent.LocalEchoUpdated,
  RoomEvent.MyMembership,
  MatrixEventEvent.Decrypted,
  CryptoEvent.DevicesUpdated,
  CryptoEvent.KeysChanged,
  CryptoEvent.UserTrustStatusChanged,
  CryptoEvent.KeyBackupStatus,
  CryptoEvent.KeyBackupSessionsRemaining,
  CryptoEvent.KeyBackupDecryptionKeyCached,
  CryptoEvent.VerificationRequestReceived,
] as const

async function until<Found>(client: MatrixClient, what: string, look: Look<Found>): Promise<Found> {
  let wake = () => {}
  const onHappening = () => wake()
  const late = AbortSignal.timeout(patience)
  late.addEventListener('abort', onHappening)
  for (const happening of happenings) client.on(happening, onHappening)
  try {
    for (;;) {
      const next = new Promise<void>((resolve) => {
        wake = resolve
      })
      const found = await look()
      if (found !== undefined && found !== false) return found
      if (late.aborted) throw new Error(`waited in vain for: ${what}`)
      await next
    }
  } finally {
    late.removeEventListener('abort', onHappening)
    for (const happening of happenings) client.off(happening, onHappening)
  }
}

function messagesOf(room: Room | null): MatrixEvent[] {
  return room?.getLiveTimeline().getEvents().filter(isReadable) ?? []
}

/** Decrypted, and known to the server if it is one's own. */
function isReadable(event: MatrixEvent): boolean {
  const arrived = event.status === null || event.status === EventStatus.SENT
  return arrived && event.isEncrypted() && !event.isDecryptionFailure() && event.getType() === EventType.RoomMessage
}
