import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { MatrixError, notFound } from '../http/errors.ts'
import { jsonText, reply } from '../http/reply.ts'
import type { Reader, Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { keysJson, streamBackup } from './read.ts'
import { keyBackupData, parseVersion, placeKey, placeRoom, roomKeyBackup, versionQuery, wholeBackup } from './schemas.ts'
import { deleteKeys, findKey, keysOfRoom, type PlacedKey, storeKeys } from './store.ts'
import { versionEndpoints } from './version-endpoints.ts'
import { type BackupVersion, currentBackup, findBackup } from './versions.ts'

export interface KeyBackupDeps {
  readonly storage: Storage
}

/** Clients store a few hundred keys at once, about a kilobyte each. */
const maxBody = 4 * 1024 * 1024

const rateLimit: RateLimit = { name: 'room-keys', by: 'user', burst: 300, perSecond: 20 }

const allPath = '/_matrix/client/v3/room_keys/keys'
const roomPath = '/_matrix/client/v3/room_keys/keys/{roomId}'
const sessionPath = '/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}'

/** Encrypted backups of the keys of rooms; source: client-server API, "Server-side key backups". */
export function keyBackupEndpoints({ storage }: KeyBackupDeps): Endpoint[] {
  const { reader } = storage
  const common = { auth: 'session', query: versionQuery, rateLimit } as const

  async function store(userId: string, version: string, keys: readonly PlacedKey[]) {
    return state(await storage.write((tx) => storeKeys(tx, userId, writableVersion(tx, userId, version), keys)))
  }

  async function remove(userId: string, version: string, roomId?: string, sessionId?: string) {
    return state(await storage.write((tx) => deleteKeys(tx, userId, existingVersion(tx, userId, version), roomId, sessionId)))
  }

  return [
    ...versionEndpoints(storage, rateLimit),
    endpoint({
      ...common,
      method: 'PUT',
      path: allPath,
      body: wholeBackup,
      maxBody,
      handle: ({ auth, query, body }) =>
        store(
          auth.userId,
          query.version,
          Object.entries(body.rooms).flatMap(([roomId, room]) => placeRoom(roomId, room)),
        ),
    }),
    endpoint({
      ...common,
      method: 'PUT',
      path: roomPath,
      body: roomKeyBackup,
      maxBody,
      handle: ({ auth, path, query, body }) => store(auth.userId, query.version, placeRoom(path.roomId, body)),
    }),
    endpoint({
      ...common,
      method: 'PUT',
      path: sessionPath,
      body: keyBackupData,
      handle: ({ auth, path, query, body }) => store(auth.userId, query.version, [placeKey(path.roomId, path.sessionId, body)]),
    }),
    endpoint({
      ...common,
      method: 'GET',
      path: allPath,
      handle({ auth, query }) {
        const version = existingVersion(reader, auth.userId, query.version)
        return reply(200, { 'content-type': 'application/json' }, streamBackup(reader, auth.userId, version))
      },
    }),
    endpoint({
      ...common,
      method: 'GET',
      path: roomPath,
      handle({ auth, path, query }) {
        const version = existingVersion(reader, auth.userId, query.version)
        const sessions = keysOfRoom(reader, auth.userId, version, path.roomId).map(
          (key) => `${JSON.stringify(key.sessionId)}:${keysJson(key)}`,
        )
        return jsonText(`{"sessions":{${sessions.join(',')}}}`)
      },
    }),
    endpoint({
      ...common,
      method: 'GET',
      path: sessionPath,
      handle({ auth, path, query }) {
        const version = existingVersion(reader, auth.userId, query.version)
        const key = findKey(reader, auth.userId, version, path.roomId, path.sessionId)
        if (!key) throw notFound('Key not found')
        return jsonText(keysJson(key))
      },
    }),
    endpoint({
      ...common,
      method: 'DELETE',
      path: allPath,
      handle: ({ auth, query }) => remove(auth.userId, query.version),
    }),
    endpoint({
      ...common,
      method: 'DELETE',
      path: roomPath,
      handle: ({ auth, path, query }) => remove(auth.userId, query.version, path.roomId),
    }),
    endpoint({
      ...common,
      method: 'DELETE',
      path: sessionPath,
      handle: ({ auth, path, query }) => remove(auth.userId, query.version, path.roomId, path.sessionId),
    }),
  ]
}

/** Keys can be read from and deleted in any backup that exists. */
function existingVersion(reader: Reader, userId: string, text: string): number {
  const version = parseVersion(text)
  if (!version || !findBackup(reader, userId, version)) throw notFound('Unknown backup version')
  return version
}

/** Keys can only be written to the newest backup. */
function writableVersion(tx: Writer, userId: string, text: string): number {
  const current = currentBackup(tx, userId)
  if (!current) throw notFound('Unknown backup version')
  if (parseVersion(text) !== current.version)
    throw new MatrixError(403, 'M_WRONG_ROOM_KEYS_VERSION', 'Wrong backup version', { current_version: `${current.version}` })
  return current.version
}

function state({ etag, count }: BackupVersion) {
  return { etag: `${etag}`, count }
}
