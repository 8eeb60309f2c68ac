import { passes, type SyncDraft, type SyncQuery, type SyncStream } from '../rooms/sync-stream.ts'
import { type AccountDatum, changedAccountData, listAccountData, listRoomAccountData } from './store.ts'

/** Further global account data, made by others: the type and the content's JSON of what changed after `from`. */
export type GlobalSource = (query: SyncQuery) => readonly { readonly type: string; readonly content: string }[]

/** Changed account data of the viewer: global, and of the rooms that the answer is about. */
export function accountDataStream(sources: readonly GlobalSource[]): SyncStream {
  return {
    collect(query, draft) {
      const { reader, userId, from, to } = query
      const changed = from === 0 ? listAccountData(reader, userId) : changedAccountData(reader, userId, from, to)
      const global = changed.filter(({ roomNid }) => roomNid === undefined)
      const events = [...global, ...sources.flatMap((source) => source(query))]
        .filter(({ type }) => passes(query.filter.account_data, type, undefined))
        .map(eventOf)
      if (events.length > 0) draft.set('account_data', `{"events":[${events.join(',')}]}`, true)
      addRoomData(query, changed, draft)
    },
  }
}

function addRoomData(query: SyncQuery, changed: readonly AccountDatum[], draft: SyncDraft): void {
  const { reader, userId, from, joined, newlyJoined } = query
  const add = (roomNid: number, datum: AccountDatum) => {
    if (wanted(query, roomNid, datum.type)) draft.room(roomNid).addAccountData(eventOf(datum))
  }
  const whole = from === 0 ? new Set<number>() : newlyJoined
  for (const datum of changed) {
    if (datum.roomNid !== undefined && joined.has(datum.roomNid) && !whole.has(datum.roomNid)) add(datum.roomNid, datum)
  }
  for (const roomNid of whole) for (const datum of listRoomAccountData(reader, userId, roomNid)) add(roomNid, datum)
}

function wanted({ filter, joined }: SyncQuery, roomNid: number, type: string): boolean {
  const section = filter.room?.account_data
  const roomId = joined.get(roomNid)
  if (roomId === undefined || section?.not_rooms?.includes(roomId)) return false
  return (section?.rooms?.includes(roomId) ?? true) && passes(section, type, undefined)
}

function eventOf({ type, content }: { readonly type: string; readonly content: string }): string {
  return `{"type":${JSON.stringify(type)},"content":${content}}`
}
