import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam } from '../http/errors.ts'
import { isObject } from '../matrix/json.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { requireRoom, requireSelf, roomOfUser } from './scope.ts'
import { roomAccountDataOf, setAccountData } from './store.ts'

const listPath = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags'
const tagPath = '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}'

/** Source: client-server API, "Room Tagging": a name has at most 255 bytes. */
const maxTagBytes = 255
const maxTags = 100

/** Tags are room account data of type `m.tag`, changed one at a time. */
export function tagEndpoints(storage: Storage): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: listPath,
      auth: 'session',
      handle({ auth, path }) {
        requireSelf(auth, path.userId)
        const nid = roomOfUser(storage.reader, auth.userId, path.roomId)
        return { tags: nid === undefined ? {} : tagsOf(storage.reader, auth.userId, nid) }
      },
    }),
    endpoint({
      method: 'PUT',
      path: tagPath,
      auth: 'session',
      body: Type.Object({ order: Type.Optional(Type.Number()) }, { additionalProperties: true }),
      async handle({ auth, path, body }) {
        requireSelf(auth, path.userId)
        if (Buffer.byteLength(path.tag) > maxTagBytes) throw invalidParam(`tag: longer than ${maxTagBytes} bytes`)
        const nid = requireRoom(storage.reader, auth.userId, path.roomId)
        await storage.write((tx) => {
          const tags = new Map(Object.entries(tagsOf(tx, auth.userId, nid)))
          tags.set(path.tag, body)
          if (tags.size > maxTags) throw invalidParam(`tag: a room has at most ${maxTags} tags`)
          setAccountData(tx, auth.userId, nid, 'm.tag', { tags: Object.fromEntries(tags) })
        })
        return {}
      },
    }),
    endpoint({
      method: 'DELETE',
      path: tagPath,
      auth: 'session',
      async handle({ auth, path }) {
        requireSelf(auth, path.userId)
        const nid = requireRoom(storage.reader, auth.userId, path.roomId)
        await storage.write((tx) => {
          const tags = new Map(Object.entries(tagsOf(tx, auth.userId, nid)))
          if (tags.delete(path.tag)) setAccountData(tx, auth.userId, nid, 'm.tag', { tags: Object.fromEntries(tags) })
        })
        return {}
      },
    }),
  ]
}

function tagsOf(reader: Reader, userId: string, nid: number): Readonly<Record<string, unknown>> {
  const tags = roomAccountDataOf(reader, userId, nid, 'm.tag')?.tags
  return isObject(tags) ? tags : {}
}
