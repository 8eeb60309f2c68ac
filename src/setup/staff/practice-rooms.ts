import { createUser, userExists } from '../../accounts/store.ts'
import { makeUserId, type RoomId, type UserId } from '../../matrix/identifiers.ts'
import { createQueues } from '../../platform/queues.ts'
import { setProfileField } from '../../profiles/store.ts'
import { findRoom, isJoined } from '../../rooms/members.ts'
import { powerLevelsOf } from '../../rooms/state.ts'
import { type Reader, statement } from '../../storage/handles.ts'
import { answerOf, noteOf, setNote } from '../answers.ts'
import type { RunningMessenger } from '../messenger.ts'
import { translator } from '../texts.ts'
import { makeAdministrator } from './administrators.ts'
import type { RoomName } from './roles.ts'
import type { StaffDeps } from './staff.ts'
import { findPerson } from './staff-store.ts'

const byName = statement<[string], RoomId>('SELECT room_id FROM practice_rooms WHERE name = ?', 'pluck')
const insert = statement<[string, string], never>(
  'INSERT INTO practice_rooms (name, room_id) VALUES (?, ?) ON CONFLICT DO UPDATE SET room_id = excluded.room_id',
)
/** Names the account that runs the rooms of the practice. */
export const serviceNote = 'note service account'
const encryption = { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } } as const

/** The room of the practice with this name; undefined: nobody has needed it yet. */
function practiceRoom(reader: Reader, name: RoomName | 'space'): RoomId | undefined {
  return byName(reader).get(name)
}

export interface PracticeRooms {
  /**
   * Brings a person into the rooms that belong to them, and makes those that are not there yet. What was begun and cut off is finished
   * when it is called again.
   */
  settle(userId: UserId): Promise<void>
}

/** The space of the practice and the rooms in it. They are run by the practice's own account, which stays when people go. */
export function createPracticeRooms({ storage, clock, messenger }: StaffDeps): PracticeRooms {
  const inTurn = createQueues()

  /** The account that makes the rooms; nobody can sign in to it. */
  async function serviceAccount({ serverName }: RunningMessenger): Promise<UserId> {
    const known = noteOf(storage.reader, serviceNote)
    if (known !== undefined) return known as UserId
    return storage.write((tx) => {
      const name = ['hausbote', 'hausbote.box'].find((localpart) => !userExists(tx, `@${localpart}:${serverName}`))
      const userId = makeUserId(name ?? 'hausbote.praxis', serverName)
      if (!userId || !createUser(tx, { userId, passwordHash: null, admin: false, createdAt: clock.now() }))
        throw new Error('there is no name left for the account of the practice')
      setProfileField(tx, userId, 'displayname', JSON.stringify(answerOf(tx, 'practice')?.name ?? 'Hausbote'))
      setNote(tx, serviceNote, userId)
      return userId
    })
  }

  async function remember(name: RoomName | 'space', roomId: RoomId): Promise<RoomId> {
    await storage.write((tx) => insert(tx).run(name, roomId))
    return roomId
  }

  async function space(running: RunningMessenger, service: UserId): Promise<RoomId> {
    const known = practiceRoom(storage.reader, 'space')
    if (known !== undefined) return known
    const name = answerOf(storage.reader, 'practice')?.name ?? running.serverName
    const wish = { name, preset: 'private_chat', creation_content: { type: 'm.space' } } as const
    return remember('space', await running.rooms.create(service, wish))
  }

  async function room(running: RunningMessenger, service: UserId, name: RoomName): Promise<RoomId> {
    const known = practiceRoom(storage.reader, name)
    if (known !== undefined) return known
    const parent = await space(running, service)
    const via = [running.serverName]
    const text = translator(answerOf(storage.reader, 'language') ?? 'de')
    const roomId = await running.rooms.create(service, {
      name: text(`room.${name}`),
      preset: 'private_chat',
      initial_state: [encryption, { type: 'm.space.parent', state_key: parent, content: { via, canonical: true } }],
    })
    const content = { via, suggested: true }
    await running.rooms.send.state({ userId: service, deviceId: '' }, parent, 'm.space.child', roomId, content)
    return remember(name, roomId)
  }

  async function enter(running: RunningMessenger, service: UserId, roomId: RoomId, userId: UserId): Promise<void> {
    const nid = () => findRoom(storage.reader, roomId)?.nid
    const there = nid()
    if (there !== undefined && isJoined(storage.reader, there, userId)) return
    await running.rooms.membership.invite(service, roomId, userId, undefined)
    await running.rooms.membership.join(userId, roomId, {}, [])
  }

  /** Who leads the practice decides in its rooms as well. */
  async function empower(running: RunningMessenger, service: UserId, roomId: RoomId, userId: UserId): Promise<void> {
    const found = findRoom(storage.reader, roomId)
    if (found && powerLevelsOf(storage.reader, found).ofUser(userId) < 100)
      await makeAdministrator(running, storage.reader, service, roomId, userId)
  }

  async function settleNow(userId: UserId): Promise<void> {
    const running = messenger.running
    const person = findPerson(storage.reader, userId)
    if (!running || !person || person.leftAt !== null) return
    const service = await serviceAccount(running)
    const wanted: RoomId[] = [await space(running, service)]
    for (const name of person.rooms) wanted.push(await room(running, service, name))
    for (const roomId of wanted) {
      await enter(running, service, roomId, userId)
      if (person.role === 'management') await empower(running, service, roomId, userId)
    }
  }

  return {
    // One after the other, so that no room is made twice.
    settle: (userId) => inTurn('settle', () => settleNow(userId)),
  }
}
