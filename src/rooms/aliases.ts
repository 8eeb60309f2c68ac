import { type Reader, statement, type Writer } from '../storage/handles.ts'

const find = statement<[string], { roomNid: number; creator: string }>(
  'SELECT room_nid AS roomNid, creator FROM room_aliases WHERE alias = ?',
)
const ofRoom = statement<[number], string>('SELECT alias FROM room_aliases WHERE room_nid = ? ORDER BY alias', 'pluck')
const insert = statement<[string, number, string], never>(
  'INSERT INTO room_aliases (alias, room_nid, creator) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
)
const remove = statement<[string], never>('DELETE FROM room_aliases WHERE alias = ?')
const publish = statement<[number], never>('INSERT INTO public_rooms (room_nid) VALUES (?) ON CONFLICT DO NOTHING')
const unpublish = statement<[number], never>('DELETE FROM public_rooms WHERE room_nid = ?')
const listed = statement<[number], number>('SELECT 1 FROM public_rooms WHERE room_nid = ?', 'pluck')
const allListed = statement<[], number>('SELECT room_nid FROM public_rooms', 'pluck')

/** The room's short name that a local alias leads to. */
export function resolveAlias(reader: Reader, alias: string): number | undefined {
  return find(reader).get(alias)?.roomNid
}

export function aliasCreator(reader: Reader, alias: string): string | undefined {
  return find(reader).get(alias)?.creator
}

export function aliasesOf(reader: Reader, nid: number): readonly string[] {
  return ofRoom(reader).all(nid)
}

/** False: the alias is taken. */
export function insertAlias(tx: Writer, alias: string, nid: number, creator: string): boolean {
  return insert(tx).run(alias, nid, creator).changes === 1
}

export function removeAlias(tx: Writer, alias: string): void {
  remove(tx).run(alias)
}

export function isPublic(reader: Reader, nid: number): boolean {
  return listed(reader).get(nid) !== undefined
}

export function setPublic(tx: Writer, nid: number, shown: boolean): void {
  if (shown) publish(tx).run(nid)
  else unpublish(tx).run(nid)
}

export function publicRoomNids(reader: Reader): readonly number[] {
  return allListed(reader).all()
}
