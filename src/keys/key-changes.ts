import { deviceOf, devicesOf } from '../accounts/store.ts'
import type { Edu } from '../federation/outbox.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import { joinedRoomsOf } from '../rooms/members.ts'
import { isServerIn, serversIn } from '../rooms/servers.ts'
import type { Reader, Writer } from '../storage/handles.ts'
import { crossSigningKeysOf } from './cross-signing-keys.ts'
import { findDeviceKeys } from './device-keys.ts'
import { advanceStream, deviceListChanged, streamIdOf } from './device-lists.ts'
import { readSigned } from './signed-json.ts'

/** Tells those who share a room that a local user's keys changed, within the write that changes them. */
export interface KeyChanges {
  /** The keys of a device, or its name, are other ones than before, or are gone. */
  device(tx: Writer, userId: string, deviceId: string): void
  crossSigning(tx: Writer, userId: string): void
  /** A user of this server came into a room: servers that shared none before need to know that there is a list to ask for. */
  joined(tx: Writer, userId: string, roomNid: number): void
}

/** The way to other servers. */
export interface KeyNews {
  readonly serverName: ServerName
  enqueueEdu(tx: Writer, destinations: readonly ServerName[], edu: Edu): void
  serversSharingRoomWith(reader: Reader, userId: string): readonly ServerName[]
}

/** Servers that are told of a user who came; larger rooms are no place for such greetings. */
const maxIntroduced = 50

/**
 * `news`: undefined where there are no other servers.
 * Source: server-server API, "Device Management" and "End-to-End Encryption" (`m.signing_key_update`).
 */
export function createKeyChanges(news: KeyNews | undefined): KeyChanges {
  function send(tx: Writer, userId: string, edu: Edu): void {
    const others = news?.serversSharingRoomWith(tx, userId).filter((server) => server !== news.serverName) ?? []
    if (others.length > 0) news?.enqueueEdu(tx, others, edu)
  }
  return {
    device(tx, userId, deviceId) {
      deviceListChanged(tx, userId)
      const { streamId, before } = advanceStream(tx, userId)
      const content = deviceUpdate(tx, userId, deviceId, streamId, [before])
      // Of a device that changes often only the newest state waits; the gap in the chain has the other server ask for the list.
      send(tx, userId, { type: 'm.device_list_update', content, name: `device ${userId} ${deviceId}` })
    },
    crossSigning(tx, userId) {
      deviceListChanged(tx, userId)
      const keys = crossSigningKeysOf(tx, userId)
      const master = keys.get('master')
      const selfSigning = keys.get('self_signing')
      const content = {
        user_id: userId,
        ...(master && { master_key: readSigned(master.json) }),
        ...(selfSigning && { self_signing_key: readSigned(selfSigning.json) }),
      }
      send(tx, userId, { type: 'm.signing_key_update', content, name: `signing keys ${userId}` })
    },
    joined(tx, userId, roomNid) {
      if (!news) return
      const device = devicesOf(tx, userId)[0]
      const servers = newServers(tx, news.serverName, userId, roomNid)
      if (!device || servers.length === 0) return
      const streamId = streamIdOf(tx, userId)
      // One device is enough: it follows on something that nobody has seen, so that who keeps a list asks for all of it.
      const content = deviceUpdate(tx, userId, device.deviceId, streamId, streamId > 0 ? [streamId - 1] : [])
      news.enqueueEdu(tx, servers, { type: 'm.device_list_update', content, name: `devices ${userId}` })
    },
  }
}

/** The servers in a room that share no other one with a user; none in large rooms, where all ask for keys when they need them. */
function newServers(reader: Reader, serverName: ServerName, userId: string, roomNid: number): readonly ServerName[] {
  const servers = serversIn(reader, roomNid).filter((server) => server !== serverName)
  if (servers.length > maxIntroduced) return []
  const others = joinedRoomsOf(reader, userId).filter(({ nid }) => nid !== roomNid)
  return servers.filter((server) => !others.some(({ nid }) => isServerIn(reader, nid, server)))
}

function deviceUpdate(
  reader: Reader,
  userId: string,
  deviceId: string,
  streamId: number,
  previous: readonly number[],
): JsonObject {
  const device = deviceOf(reader, userId, deviceId)
  const keys = findDeviceKeys(reader, userId, deviceId)
  const displayName = device?.displayName?.toWellFormed()
  return {
    user_id: userId,
    device_id: deviceId,
    stream_id: streamId,
    prev_id: previous,
    ...(!device && { deleted: true }),
    ...(displayName !== undefined && { device_display_name: displayName }),
    ...(keys !== undefined && { keys: readSigned(keys) }),
  }
}
