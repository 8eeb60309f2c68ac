import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam, MatrixError, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { anyObject } from '../http/schemas.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { requireRoom, requireSelf, roomOfUser } from './scope.ts'
import { countAccountData, findAccountData, setAccountData } from './store.ts'
import { tagEndpoints } from './tags.ts'

export interface AccountDataDeps {
  readonly storage: Storage
  /** The content of types that the server manages, read as if they were stored here. */
  readonly managed: ReadonlyMap<string, (reader: Reader, userId: string) => object>
}

/** Entries of one user in one place: far more than clients keep. */
const maxEntries = 2000
const maxTypeBytes = 255

const globalPath = '/_matrix/client/v3/user/{userId}/account_data/{type}'
const roomPath = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}'

/** Account data of the user, global and by room, and tags; source: client-server API, "Client Config". */
export function accountDataEndpoints({ storage, managed }: AccountDataDeps): Endpoint[] {
  const { reader } = storage

  function read(userId: string, roomNid: number | undefined, type: string) {
    const made = roomNid === undefined ? managed.get(type) : undefined
    if (made) return jsonText(JSON.stringify(made(reader, userId)))
    const found = findAccountData(reader, userId, roomNid, type)
    if (!found) throw notFound(`There is no account data of type ${type}`)
    return jsonText(found.content)
  }

  async function write(userId: string, roomNid: number | undefined, type: string, body: Record<string, unknown>) {
    checkType(type)
    await storage.write((tx) => {
      if (!findAccountData(tx, userId, roomNid, type) && countAccountData(tx, userId, roomNid) >= maxEntries)
        throw new MatrixError(403, 'M_FORBIDDEN', `There can be at most ${maxEntries} types of account data`)
      setAccountData(tx, userId, roomNid, type, body)
    })
    return {}
  }

  return [
    endpoint({
      method: 'GET',
      path: globalPath,
      auth: 'session',
      handle({ auth, path }) {
        requireSelf(auth, path.userId)
        return read(auth.userId, undefined, path.type)
      },
    }),
    endpoint({
      method: 'PUT',
      path: globalPath,
      auth: 'session',
      body: anyObject,
      handle({ auth, path, body }) {
        requireSelf(auth, path.userId)
        return write(auth.userId, undefined, path.type, body)
      },
    }),
    endpoint({
      method: 'GET',
      path: roomPath,
      auth: 'session',
      handle({ auth, path }) {
        requireSelf(auth, path.userId)
        const nid = roomOfUser(reader, auth.userId, path.roomId)
        if (nid === undefined) throw notFound('There is no account data for this room')
        return read(auth.userId, nid, path.type)
      },
    }),
    endpoint({
      method: 'PUT',
      path: roomPath,
      auth: 'session',
      body: anyObject,
      handle({ auth, path, body }) {
        requireSelf(auth, path.userId)
        checkType(path.type)
        return write(auth.userId, requireRoom(reader, auth.userId, path.roomId), path.type, body)
      },
    }),
    ...tagEndpoints(storage),
  ]
}

/** Client-server API, "Client Config", server behaviour: these the server alone sets. */
function checkType(type: string): void {
  if (type === 'm.fully_read' || type === 'm.push_rules') throw new MatrixError(405, 'M_BAD_JSON', `${type} cannot be set here`)
  if (Buffer.byteLength(type) > maxTypeBytes) throw invalidParam(`type: longer than ${maxTypeBytes} bytes`)
}
