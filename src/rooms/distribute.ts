import { parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { Pdu } from '../matrix/pdu.ts'
import type { Position, Writer } from '../storage/handles.ts'
import type { Builder } from './build.ts'
import { serversIn } from './servers.ts'

/**
 * Hands an accepted event to the queues of the other servers in the room: an event of our own, or a membership that another server
 * gave to this one to pass on.
 */
export function distribute(tx: Writer, { enqueue, signer }: Builder, nid: number, pdu: Pdu, position: Position): void {
  if (!enqueue) return
  const servers = new Set<ServerName>(serversIn(tx, nid))
  const concerned = formerServer(pdu)
  if (concerned) servers.add(concerned)
  servers.delete(signer.serverName)
  servers.delete(serverOf(pdu.sender))
  if (servers.size > 0) enqueue(tx, [...servers], position, nid)
}

/** Whoever is put out of a room must hear of it, although the server may no longer be in it. Invited servers have been asked before. */
function formerServer(pdu: Pdu): ServerName | undefined {
  if (pdu.type !== 'm.room.member' || pdu.content.membership === 'invite') return undefined
  const userId = parseUserId(pdu.stateKey)
  return userId && serverOf(userId)
}
