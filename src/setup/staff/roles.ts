/** Rooms of a practice, each made when the first person belongs to it. */
export const roomNames = ['everyone', 'doctors', 'reception', 'laboratory', 'office'] as const
export type RoomName = (typeof roomNames)[number]

/** What people do, and the rooms that come with it. */
export const roleRooms = {
  management: ['everyone', 'office'],
  doctor: ['everyone', 'doctors'],
  assistant: ['everyone', 'reception', 'laboratory'],
  reception: ['everyone', 'reception'],
  laboratory: ['everyone', 'laboratory'],
  office: ['everyone', 'office'],
} as const satisfies Record<string, readonly RoomName[]>
export type Role = keyof typeof roleRooms
export const roles = Object.keys(roleRooms) as Role[]

export function isRole(text: string): text is Role {
  return Object.hasOwn(roleRooms, text)
}

export function isRoomName(text: string): text is RoomName {
  return roomNames.some((name) => name === text)
}

/** The rooms of a role, and those that were chosen besides. */
export function roomsFor(role: Role, more: readonly RoomName[]): readonly RoomName[] {
  const wanted = new Set<RoomName>([...roleRooms[role], ...more])
  return roomNames.filter((name) => wanted.has(name))
}
