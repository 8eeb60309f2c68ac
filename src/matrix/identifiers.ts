import { isIpv4, isIpv6 } from './ip-literals.ts'

// Branded identifier types. The functions in this file are the only makers. Source: appendices, "Identifier Grammar".
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type UserId = Branded<'UserId'>
export type RoomId = Branded<'RoomId'>
export type EventId = Branded<'EventId'>
export type RoomAlias = Branded<'RoomAlias'>
export type ServerName = Branded<'ServerName'>
export type DeviceId = Branded<'DeviceId'>
export type RoomVersionId = Branded<'RoomVersionId'>

/** No identifier is longer than this, sigil and domain included. */
export const maxIdentifierBytes = 255

const hostAndPort = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))(?::([0-9]{1,5}))?$/
const registrable = /^[a-z0-9._=/+-]+$/
const printable = /^[\x21-\x39\x3b-\x7e]+$/
const urlSafeHash = /^[A-Za-z0-9_-]{43}$/
const standardHash = /^[A-Za-z0-9+/]{43}$/
const mediaId = /^[A-Za-z0-9_-]+$/

export function parseServerName(text: unknown): ServerName | undefined {
  const parts = typeof text === 'string' && text.length <= maxIdentifierBytes ? hostAndPort.exec(text) : null
  if (!parts || (parts[1] !== undefined && !isIpv6(parts[1]))) return undefined
  return text as ServerName
}

export interface HostAndPort {
  /** As written: an IPv6 address keeps its brackets. */
  readonly host: string
  readonly port: number | undefined
  readonly kind: 'dns' | 'ipv4' | 'ipv6'
}

export function splitServerName(name: ServerName): HostAndPort {
  const colon = name.endsWith(']') ? -1 : name.lastIndexOf(':')
  const host = colon === -1 ? name : name.slice(0, colon)
  const port = colon === -1 ? undefined : Number(name.slice(colon + 1))
  return { host, port, kind: host.startsWith('[') ? 'ipv6' : isIpv4(host) ? 'ipv4' : 'dns' }
}

/** A user id as it may come from the network: any localpart without NUL and colon, the empty one included. */
export function parseUserId(text: unknown): UserId | undefined {
  return hasDomain('@', text) ? (text as UserId) : undefined
}

/** `valid`: may be registered. `compliant`: printable ASCII, may be passed on anywhere. `historical`: accepted in events only. */
export function userIdGrammar(id: UserId): 'valid' | 'compliant' | 'historical' {
  const localpart = localpartOf(id)
  if (registrable.test(localpart)) return 'valid'
  return printable.test(localpart) ? 'compliant' : 'historical'
}

/** A user id that may be registered, or undefined: the localpart breaks the grammar, or the whole is too long. */
export function makeUserId(localpart: string, server: ServerName): UserId | undefined {
  return registrable.test(localpart) ? parseUserId(`@${localpart}:${server}`) : undefined
}

export function parseRoomId(text: unknown): RoomId | undefined {
  return isRoomIdWithoutDomain(text) || hasDomain('!', text) ? (text as RoomId) : undefined
}

/** Room ids that are the hash of the create event (room version 12). */
export function isRoomIdWithoutDomain(text: unknown): boolean {
  return typeof text === 'string' && text.startsWith('!') && urlSafeHash.test(text.slice(1))
}

/** A room id of room versions 1 to 11; `opaque` is random text from the caller. */
export function makeRoomId(opaque: string, server: ServerName): RoomId | undefined {
  return parseRoomId(`!${opaque}:${server}`)
}

/** The id of a room whose create event names it (room version 12). */
export function roomIdOfCreateEvent(id: EventId): RoomId {
  return `!${id.slice(1)}` as RoomId
}

/** The create event that a room id without domain names; undefined for room ids with domain. */
export function createEventIdOf(room: RoomId): EventId | undefined {
  return isRoomIdWithoutDomain(room) ? (`$${room.slice(1)}` as EventId) : undefined
}

/** An event id of any room version. */
export function parseEventId(text: unknown): EventId | undefined {
  return isEventIdWithoutDomain(text) || hasDomain('$', text) ? (text as EventId) : undefined
}

/** Event ids that are a hash: URL-safe alphabet (room versions from 4) or standard alphabet (room version 3). */
export function isEventIdWithoutDomain(text: unknown, alphabet?: 'url-safe' | 'standard'): boolean {
  if (typeof text !== 'string' || !text.startsWith('$')) return false
  const hash = text.slice(1)
  return (alphabet !== 'standard' && urlSafeHash.test(hash)) || (alphabet !== 'url-safe' && standardHash.test(hash))
}

/** Event ids that their sender chose (room versions 1 and 2). */
export function isEventIdWithDomain(text: unknown): boolean {
  return hasDomain('$', text)
}

/** An event id of room versions 1 and 2; `opaque` is random text from the caller. */
export function makeEventId(opaque: string, server: ServerName): EventId | undefined {
  return parseEventId(`$${opaque}:${server}`)
}

export function parseRoomAlias(text: unknown): RoomAlias | undefined {
  return hasDomain('#', text) ? (text as RoomAlias) : undefined
}

export function makeRoomAlias(localpart: string, server: ServerName): RoomAlias | undefined {
  return localpart === '' ? undefined : parseRoomAlias(`#${localpart}:${server}`)
}

/** Device ids are opaque: anything not empty and not too long. */
export function parseDeviceId(text: unknown): DeviceId | undefined {
  return typeof text === 'string' && text !== '' && isSound(text) ? (text as DeviceId) : undefined
}

/** `mxc://server/media`, taken apart. Media ids are checked because they become file names elsewhere. */
export function parseMxcUri(text: unknown): { readonly server: ServerName; readonly mediaId: string } | undefined {
  if (typeof text !== 'string' || !text.startsWith('mxc://') || text.length > 2 * maxIdentifierBytes) return undefined
  const [host, id, ...more] = text.slice('mxc://'.length).split('/')
  const server = parseServerName(host)
  if (!server || id === undefined || more.length > 0 || id.length > maxIdentifierBytes || !mediaId.test(id)) return undefined
  return { server, mediaId: id }
}

/** The server in an identifier; undefined for room and event ids that are hashes. */
export function serverOf(id: UserId | RoomAlias): ServerName
export function serverOf(id: UserId | RoomAlias | RoomId | EventId): ServerName | undefined
export function serverOf(id: string): ServerName | undefined {
  const colon = id.indexOf(':')
  return colon === -1 ? undefined : (id.slice(colon + 1) as ServerName)
}

export function localpartOf(id: UserId | RoomAlias): string {
  return id.slice(1, id.indexOf(':'))
}

/** Sigil, localpart, colon, server name: the common shape, localparts taken as widely as events of the past need it. */
function hasDomain(sigil: '@' | '!' | '$' | '#', text: unknown): text is string {
  if (typeof text !== 'string' || !text.startsWith(sigil) || !isSound(text)) return false
  const colon = text.indexOf(':')
  return colon !== -1 && parseServerName(text.slice(colon + 1)) !== undefined
}

function isSound(text: string): boolean {
  if (text.length > maxIdentifierBytes) return false
  return !text.includes('\0') && text.isWellFormed() && Buffer.byteLength(text) <= maxIdentifierBytes
}
