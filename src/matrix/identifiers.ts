// Branded identifier types. The parsers in this file are the only makers.
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type UserId = Branded<'UserId'>
export type RoomId = Branded<'RoomId'>
export type EventId = Branded<'EventId'>
export type RoomAlias = Branded<'RoomAlias'>
export type ServerName = Branded<'ServerName'>
export type DeviceId = Branded<'DeviceId'>
export type RoomVersionId = Branded<'RoomVersionId'>
