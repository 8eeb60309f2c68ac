import { localUserId } from '../../accounts/identify.ts'
import type { PasswordHashing } from '../../accounts/password-hashing.ts'
import { createUser, devicesOf, setPasswordHash, userExists } from '../../accounts/store.ts'
import type { UserId } from '../../matrix/identifiers.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Random } from '../../platform/random.ts'
import { setProfileField } from '../../profiles/store.ts'
import type { Storage } from '../../storage/storage.ts'
import { type AuditAct, writeAudit } from '../audit-log.ts'
import type { Messenger } from '../messenger.ts'
import type { TextKey } from '../texts.ts'
import { leave } from './leave.ts'
import { makeLink, readLink, useLink } from './links.ts'
import { otherAccounts } from './other-accounts.ts'
import { createPracticeRooms } from './practice-rooms.ts'
import { type Role, type RoomName, roomsFor } from './roles.ts'
import { findPerson, insertPerson, updatePerson } from './staff-store.ts'
import { userNameFor } from './user-name.ts'

export interface StaffDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly passwords: PasswordHashing
  readonly messenger: Messenger
}

/** Why an act was not carried out; a key of the catalogue. */
export interface StaffRefusal {
  readonly refused: Extract<TextKey, `staff.refused${string}`>
}

/** Everything that is done with people, for the page and the command line. `by`: who does it, for the log. */
export interface Staff {
  /** `link`: the secret of the link with which this person begins; it is kept nowhere. */
  add(
    wish: { readonly name: string; readonly userName: string; readonly role: Role; readonly rooms: readonly RoomName[] },
    by: string,
  ): Promise<{ readonly userId: UserId; readonly link: string } | StaffRefusal>
  change(
    userId: string,
    wish: { readonly name: string; readonly role: Role; readonly rooms: readonly RoomName[] },
    by: string,
  ): Promise<{ readonly userId: UserId } | StaffRefusal>
  /** Takes somebody into the staff who has an account already, made on the command line for instance. */
  adopt(
    userId: string,
    wish: { readonly name: string; readonly role: Role },
    by: string,
  ): Promise<{ readonly userId: UserId } | StaffRefusal>
  /** A new link, for those who lost theirs or their password. */
  renewLink(userId: string, by: string): Promise<{ readonly link: string } | StaffRefusal>
  /** Uses a link up and sets the password. */
  enrol(link: string, password: string): Promise<{ readonly userId: UserId } | StaffRefusal>
  /** Signs one device out. */
  endDevice(userId: string, deviceId: string, by: string): Promise<object | StaffRefusal>
  /** Ends everything that belongs to a person; what was done is kept as a protocol. */
  leave(userId: string, deputy: string | undefined, by: string): Promise<{ readonly userId: UserId } | StaffRefusal>
  /** The id that a user name or id means. */
  idOf(name: string): UserId | undefined
}

const notRunning: StaffRefusal = { refused: 'staff.refusedNotRunning' }
const unknown: StaffRefusal = { refused: 'staff.refusedUnknown' }

export function createStaff(deps: StaffDeps): Staff {
  const { storage, clock, random, passwords, messenger, log } = deps
  const practiceRooms = createPracticeRooms(deps)
  const present = (userId: string) => {
    const person = findPerson(storage.reader, userId)
    return person?.leftAt === null ? person : undefined
  }

  /** Rooms follow as soon as they can; a person without them can write all the same. */
  async function settle(userId: UserId): Promise<void> {
    await practiceRooms.settle(userId).catch((error: unknown) => log.error({ err: error }, 'rooms of a person were not settled'))
  }

  return {
    async add({ name, userName, role, rooms }, by) {
      const running = messenger.running
      if (!running) return notRunning
      const first = localUserId(userName || userNameFor(name), running.serverName)
      if (!first) return { refused: 'staff.refusedUserName' }
      const added = await storage.write((tx) => {
        const at = clock.now()
        const userId = userName
          ? first
          : Array.from({ length: 99 }, (_, index) =>
              localUserId(`${userNameFor(name)}${index === 0 ? '' : index + 1}`, running.serverName),
            ).find((candidate) => candidate !== undefined && !userExists(tx, candidate))
        if (!userId || !createUser(tx, { userId, passwordHash: null, admin: false, createdAt: at })) return undefined
        setProfileField(tx, userId, 'displayname', JSON.stringify(name))
        insertPerson(tx, { userId, name, role, rooms: roomsFor(role, rooms), addedAt: at })
        audit(tx, 'staff-added', by, `${name} ${userId}`)
        return { userId, link: makeLink(tx, random, userId, at) }
      })
      if (!added) return { refused: 'staff.refusedTaken' }
      await settle(added.userId)
      return added
    },
    async change(userId, { name, role, rooms }, by) {
      const running = messenger.running
      const person = present(userId)
      if (!person) return unknown
      if (!running) return notRunning
      await storage.write((tx) => {
        updatePerson(tx, { userId: person.userId, name, role, rooms: roomsFor(role, rooms) })
        setProfileField(tx, userId, 'displayname', JSON.stringify(name))
        audit(tx, 'staff-changed', by, `${name} ${userId}`)
      })
      if (name !== person.name) await running.rooms.membership.announceProfile(person.userId)
      await settle(person.userId)
      return { userId: person.userId }
    },
    async adopt(userId, { name, role }, by) {
      if (!messenger.running) return notRunning
      const other = otherAccounts(storage.reader).find((account) => account.userId === userId)
      if (!other) return unknown
      await storage.write((tx) => {
        if (findPerson(tx, userId)) return
        setProfileField(tx, userId, 'displayname', JSON.stringify(name))
        insertPerson(tx, { userId: other.userId, name, role, rooms: roomsFor(role, []), addedAt: clock.now() })
        audit(tx, 'staff-added', by, `${name} ${userId}`)
      })
      await settle(other.userId)
      return { userId: other.userId }
    },
    async renewLink(userId, by) {
      const person = present(userId)
      if (!person) return unknown
      const link = await storage.write((tx) => {
        audit(tx, 'staff-link', by, `${person.name} ${userId}`)
        return makeLink(tx, random, person.userId, clock.now())
      })
      return { link }
    },
    async enrol(link, password) {
      const userId = readLink(storage.reader, link, clock.now())
      if (userId === 'void') return { refused: 'staff.refusedLink' }
      const passwordHash = await passwords.hash(password)
      const done = await storage.write((tx) => {
        if (!useLink(tx, link, clock.now()) || !setPasswordHash(tx, userId, passwordHash)) return false
        audit(tx, 'staff-enrolled', findPerson(tx, userId)?.name ?? userId, userId)
        return true
      })
      if (!done) return { refused: 'staff.refusedLink' }
      await settle(userId)
      return { userId }
    },
    async endDevice(userId, deviceId, by) {
      const running = messenger.running
      if (!running) return notRunning
      const device = devicesOf(storage.reader, userId).find((candidate) => candidate.deviceId === deviceId)
      if (!device) return { refused: 'staff.refusedDevice' }
      await storage.write((tx) => {
        running.sessions.end(tx, userId, deviceId)
        audit(tx, 'device-ended', by, `${userId} ${device.displayName ?? ''} ${deviceId}`)
      })
      return {}
    },
    async leave(userId, deputy, by) {
      const person = present(userId)
      if (!person) return unknown
      const successor = deputy === undefined ? undefined : present(deputy)
      if (deputy !== undefined && (!successor || successor.userId === userId)) return { refused: 'staff.refusedDeputy' }
      if (!messenger.running) return notRunning
      await leave(deps, messenger.running, person, successor?.userId, by)
      return { userId: person.userId }
    },
    idOf: (name) => messenger.running && localUserId(name, messenger.running.serverName),
  }

  function audit(tx: Parameters<typeof writeAudit>[0], act: AuditAct, who: string, subject: string): void {
    writeAudit(tx, { at: clock.now(), who, act, subject })
  }
}
