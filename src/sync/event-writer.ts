import { clientEvent, federationEvent, type Rendering } from '../rooms/client-event.ts'
import type { EventRow } from '../rooms/event-store.ts'
import type { SyncFilter } from '../rooms/sync-stream.ts'
import type { Reader } from '../storage/handles.ts'

type EventWriter = (reader: Reader, row: EventRow, rendering: Rendering) => string

/** How the events of rooms are written for a filter: its format, and only the fields that it names. */
export function eventWriter({ event_format: format, event_fields: fields }: SyncFilter): EventWriter {
  const write = format === 'federation' ? federationEvent : clientEvent
  if (!fields) return write
  const paths = fields.map(pathOf)
  return (reader, row, rendering) => JSON.stringify(picked(JSON.parse(write(reader, row, rendering)), paths))
}

/** The names in a field such as `content.body`; a dot that belongs to a name is escaped by a backslash, and so is a backslash. */
function pathOf(field: string): readonly string[] {
  const names = ['']
  for (const [part] of field.matchAll(/\\[.\\]|./gs)) {
    if (part === '.') names.push('')
    else names[names.length - 1] += part.length === 2 ? part.slice(1) : part
  }
  return names
}

interface Fields {
  [name: string]: unknown
}

function picked(event: Fields, paths: readonly (readonly string[])[]): Fields {
  const result: Fields = {}
  for (const path of paths) copy(event, result, path)
  return result
}

/** Copies one field, and whatever is below it, into the same place. */
function copy(from: Fields, to: Fields, [name = '', ...rest]: readonly string[]): void {
  if (!Object.hasOwn(from, name)) return
  const value = from[name]
  if (rest.length === 0) {
    set(to, name, value)
    return
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  const inner = Object.hasOwn(to, name) ? (to[name] as Fields) : {}
  // Below a field that was copied whole there is nothing left to do.
  if (inner === value) return
  copy(value as Fields, inner, rest)
  if (Object.keys(inner).length > 0) set(to, name, inner)
}

/** Events name their fields as they like, `__proto__` too. */
function set(object: Fields, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
}
