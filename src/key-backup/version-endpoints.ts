import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { invalidParam, notFound, tooLarge } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import type { Storage } from '../storage/storage.ts'
import { changedBackup, newBackup, parseVersion } from './schemas.ts'
import { type BackupVersion, createBackup, currentBackup, deleteBackup, findBackup, setAuthData } from './versions.ts'

const maxAuthDataBytes = 65_536

const currentPath = '/_matrix/client/v3/room_keys/version'
const versionPath = '/_matrix/client/v3/room_keys/version/{version}'

/** Making, describing and deleting backups; source: client-server API, "Server-side key backups". */
export function versionEndpoints(storage: Storage, rateLimit: RateLimit): Endpoint[] {
  const { reader } = storage

  return [
    endpoint({
      method: 'POST',
      path: currentPath,
      auth: 'session',
      body: newBackup,
      rateLimit,
      async handle({ auth, body }) {
        const authData = authDataOf(body.auth_data)
        const version = await storage.write((tx) => createBackup(tx, auth.userId, body.algorithm, authData))
        return { version: `${version}` }
      },
    }),
    endpoint({
      method: 'GET',
      path: currentPath,
      auth: 'session',
      rateLimit,
      handle({ auth }) {
        const backup = currentBackup(reader, auth.userId)
        if (!backup) throw notFound('No current backup version')
        return describe(backup)
      },
    }),
    endpoint({
      method: 'GET',
      path: versionPath,
      auth: 'session',
      rateLimit,
      handle({ auth, path }) {
        const version = parseVersion(path.version)
        const backup = version && findBackup(reader, auth.userId, version)
        if (!backup) throw unknownVersion()
        return describe(backup)
      },
    }),
    endpoint({
      method: 'PUT',
      path: versionPath,
      auth: 'session',
      body: changedBackup,
      rateLimit,
      async handle({ auth, path, body }) {
        const version = parseVersion(path.version)
        if (body.version !== undefined && body.version !== path.version)
          throw invalidParam('version: must be the same as in the path')
        const authData = authDataOf(body.auth_data)
        await storage.write((tx) => {
          const backup = version && findBackup(tx, auth.userId, version)
          if (!backup) throw unknownVersion()
          if (backup.algorithm !== body.algorithm) throw invalidParam('algorithm: must be the one of the backup')
          setAuthData(tx, auth.userId, backup.version, authData)
        })
        return {}
      },
    }),
    endpoint({
      method: 'DELETE',
      path: versionPath,
      auth: 'session',
      rateLimit,
      async handle({ auth, path }) {
        const version = parseVersion(path.version)
        if (!version || !(await storage.write((tx) => deleteBackup(tx, auth.userId, version)))) throw unknownVersion()
        return {}
      },
    }),
  ]
}

function unknownVersion() {
  return notFound('Unknown backup version')
}

function authDataOf(value: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(value)
  if (Buffer.byteLength(text) > maxAuthDataBytes) throw tooLarge(`auth_data: more than ${maxAuthDataBytes} bytes`)
  return text
}

function describe({ algorithm, authData, count, etag, version }: BackupVersion) {
  const fields = JSON.stringify({ algorithm, count, etag: `${etag}`, version: `${version}` })
  return jsonText(`{"auth_data":${authData},${fields.slice(1)}`)
}
