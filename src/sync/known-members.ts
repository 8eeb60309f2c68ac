import type { Position } from '../storage/handles.ts'

/** Pairs of device and room remembered; who is forgotten is sent members once more. */
const maxPairs = 20_000

/**
 * Which member events a lazily loading device was sent already, so that it is not sent them with every message. In memory only:
 * sending one again harms nobody. Source: client-server API, "Lazy-loading room members".
 */
export interface KnownMembers {
  /** Whether the device was sent this member event; notes that it is now. */
  isNew(device: string, nid: number, userId: string, position: Position): boolean
  /** The device begins anew. */
  forget(device: string, nid: number): void
}

export function createKnownMembers(): KnownMembers {
  const pairs = new Map<string, Map<string, Position>>()
  return {
    isNew(device, nid, userId, position) {
      const key = `${nid} ${device}`
      const known = pairs.get(key) ?? new Map<string, Position>()
      pairs.delete(key)
      pairs.set(key, known)
      const oldest = pairs.size > maxPairs ? pairs.keys().next().value : undefined
      if (oldest !== undefined) pairs.delete(oldest)
      if (known.get(userId) === position) return false
      known.set(userId, position)
      return true
    },
    forget(device, nid) {
      pairs.delete(`${nid} ${device}`)
    },
  }
}
