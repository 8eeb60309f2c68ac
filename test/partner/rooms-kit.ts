import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { Person } from './person.ts'

export const of = (id: string) => encodeURIComponent(id)

export const createRoom = async (person: Person, version: string, wish: object = {}): Promise<string> =>
  (await person.ok('POST', '/createRoom', { preset: 'private_chat', room_version: version, initial_state: plain, ...wish }))
    .room_id

/** Nothing is encrypted unless a test wants it so. */
const plain: readonly object[] = []

export const serverOf = ({ userId }: Person) => userId.slice(userId.indexOf(':') + 1)

/** Joins with the help of a server, which needs no name where somebody was invited. */
export const joinVia = (person: Person, room: string, ...servers: readonly string[]) =>
  person.ask('POST', `/join/${of(room)}?${servers.map((name) => `via=${of(name)}&server_name=${of(name)}`).join('&')}`, {})

export async function join(person: Person, room: string, ...servers: readonly string[]): Promise<void> {
  const { status, body } = await joinVia(person, room, ...servers)
  expect(status, `${person.userId} joins ${room}: ${JSON.stringify(body)}`).toBe(200)
  await untilShown(person, body.room_id, 'join')
}

export const act = (person: Person, verb: string, roomId: string, other: Person, more: object = {}) =>
  person.ok('POST', `/rooms/${of(roomId)}/${verb}`, { user_id: other.userId, ...more })

export async function leave(person: Person, roomId: string): Promise<void> {
  await person.ok('POST', `/rooms/${of(roomId)}/leave`, {})
  await untilShown(person, roomId, 'leave')
}

/** Sends an event; its id. */
export const send = async (person: Person, roomId: string, type: string, content: object): Promise<string> =>
  (await person.ok('PUT', `/rooms/${of(roomId)}/send/${type}/${randomUUID()}`, content)).event_id

export const say = (person: Person, roomId: string, body: string) =>
  send(person, roomId, 'm.room.message', { msgtype: 'm.text', body })

export const setState = async (person: Person, roomId: string, type: string, content: object, key = ''): Promise<string> =>
  (await person.ok('PUT', `/rooms/${of(roomId)}/state/${type}/${of(key)}`, content)).event_id

/** The content of a state event as a member sees it; undefined: there is none. */
export async function stateOf(
  person: Person,
  roomId: string,
  type: string,
  key = '',
): Promise<Record<string, unknown> | undefined> {
  const { status, body } = await person.ask('GET', `/rooms/${of(roomId)}/state/${type}/${of(key)}`)
  return status === 200 ? body : undefined
}

export const membershipOf = async (viewer: Person, roomId: string, person: Person) =>
  (await stateOf(viewer, roomId, 'm.room.member', person.userId))?.membership

export const untilMembership = (viewer: Person, roomId: string, person: Person, membership: string) =>
  viewer.until(
    `${person.userId} is ${membership} in ${roomId}`,
    async () => (await membershipOf(viewer, roomId, person)) === membership,
  )

/** Whether the viewer's own `/sync` shows the room in a section. */
export const untilShown = (viewer: Person, roomId: string, section: 'join' | 'invite' | 'knock' | 'leave') =>
  viewer.until(`${roomId} among the rooms of ${section}`, async () => {
    const shown = viewer.shown(roomId)
    return shown?.section === section && shown.room
  })

interface ClientEvent {
  readonly event_id: string
  readonly type: string
  readonly sender: string
  readonly state_key?: string
  readonly content: Record<string, unknown>
  readonly unsigned?: { redacted_because?: object }
}

/** `TYPE|STATE_KEY` to event id, as a member sees the room's current state. */
async function stateIds(viewer: Person, roomId: string): Promise<Record<string, string>> {
  const events: ClientEvent[] = await viewer.ok('GET', `/rooms/${of(roomId)}/state`)
  return Object.fromEntries(events.map((event) => [`${event.type}|${event.state_key}`, event.event_id]).sort())
}

/** All that a member can read of a room, newest first. */
async function history(viewer: Person, roomId: string): Promise<ClientEvent[]> {
  const events: ClientEvent[] = []
  for (let from = ''; ; ) {
    const { chunk, end } = await viewer.ok('GET', `/rooms/${of(roomId)}/messages?dir=b&limit=100${from}`)
    events.push(...chunk)
    if (end === undefined) return events
    from = `&from=${of(end)}`
  }
}

/** Texts of the messages that a member can read, oldest first. */
export async function seen(viewer: Person, roomId: string): Promise<unknown[]> {
  const events = await history(viewer, roomId)
  return events
    .filter(({ type, content }) => type === 'm.room.message' && content.body !== undefined)
    .map(({ content }) => content.body)
    .reverse()
}

export const untilSeen = (viewer: Person, roomId: string, body: string) =>
  viewer.until(`"${body}"`, async () => {
    const { chunk } = await viewer.ok('GET', `/rooms/${of(roomId)}/messages?dir=b&limit=20`)
    return chunk.some((event: ClientEvent) => event.content.body === body)
  })

/** Event id to content: the order of forks is each server's own. */
async function timeline(viewer: Person, roomId: string, leftOut?: Person): Promise<Record<string, unknown>> {
  const events = (await history(viewer, roomId)).filter(({ sender }) => sender !== leftOut?.userId)
  expect(new Set(events.map(({ event_id }) => event_id)).size, 'each event once').toBe(events.length)
  return Object.fromEntries(events.map((event) => [event.event_id, event.content]).sort())
}

/**
 * Both say something, and then both have the same state and the same timeline, event by event; but for the events of one who was put out
 * without knowing it, which fail softly wherever that was known.
 */
export async function expectAgreement(roomId: string, one: Person, other: Person, putOut?: Person): Promise<void> {
  const words = [randomUUID(), randomUUID()] as const
  await say(one, roomId, words[0])
  await untilSeen(other, roomId, words[0])
  await say(other, roomId, words[1])
  await untilSeen(one, roomId, words[1])
  expect(await stateIds(one, roomId)).toEqual(await stateIds(other, roomId))
  expect(await timeline(one, roomId, putOut)).toEqual(await timeline(other, roomId, putOut))
}
