import type { Position } from '../storage/handles.ts'

/** Pairs of device and room remembered; who is forgotten is sent members once more. */
const maxPairs = 20_000

/**
 * Which member events a lazily loading device was sent already, so that it is not sent them with every message. In memory only:
 * sending one again harms nobody. Source: client-server API, "Lazy-loading room members".
 */
export interface KnownMembers {
  /** Whether the device was not sent this member event in an answer that it has, one up to `from`; notes that it is sent it with an answer up to `to`. */
  isNew(device: string, nid: number, userId: string, position: Position, { from, to }: { from: Position; to: Position }): boolean
  /** The device begins anew. */
  forget(device: string, nid: number): void
}

interface Sent {
  readonly position: Position
  /** End of the first answer that had it; the device has that answer once it asks for what is behind it. */
  readonly answer: Position
}

export function createKnownMembers(): KnownMembers {
  const pairs = new Map<string, Map<string, Sent>>()
  return {
    isNew(device, nid, userId, position, { from, to }) {
      const key = `${nid} ${device}`
      const known = pairs.get(key) ?? new Map<string, Sent>()
      pairs.delete(key)
      pairs.set(key, known)
      const oldest = pairs.size > maxPairs ? pairs.keys().next().value : undefined
      if (oldest !== undefined) pairs.delete(oldest)
      const sent = known.get(userId)
      if (sent?.position === position && sent.answer <= from) return false
      if (sent?.position !== position) known.set(userId, { position, answer: to })
      return true
    },
    forget(device, nid) {
      pairs.delete(`${nid} ${device}`)
    },
  }
}
