import type { RoomDraft, SyncDraft } from '../rooms/sync-stream.ts'

/** What streams have added so far. */
export interface Draft extends SyncDraft {
  readonly fields: ReadonlyMap<string, string>
  readonly rooms: ReadonlyMap<number, { readonly ephemeral: readonly string[]; readonly accountData: readonly string[] }>
  readonly news: boolean
}

export function createDraft(): Draft {
  const fields = new Map<string, string>()
  const rooms = new Map<number, { ephemeral: string[]; accountData: string[] }>()
  let news = false
  return {
    fields,
    rooms,
    get news() {
      return news
    },
    set(field, json, isNews) {
      fields.set(field, json)
      news ||= isNews
    },
    room(nid): RoomDraft {
      const parts = rooms.get(nid) ?? { ephemeral: [], accountData: [] }
      return {
        addEphemeral(eventJson) {
          rooms.set(nid, parts)
          parts.ephemeral.push(eventJson)
          news = true
        },
        addAccountData(eventJson) {
          rooms.set(nid, parts)
          parts.accountData.push(eventJson)
          news = true
        },
      }
    },
  }
}
