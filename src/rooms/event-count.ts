import { type Reader, statement } from '../storage/handles.ts'

const count = statement<[], number>('SELECT count(*) FROM events', 'pluck')

/** All events there are; reads the whole index, so not for a request. */
export function eventCount(reader: Reader): number {
  return count(reader).get() ?? 0
}
