import Type, { type Static } from 'typebox'
import { devicesOf } from '../accounts/store.ts'
import { checkBody } from '../http/validation.ts'
import type { Clock } from '../platform/clock.ts'
import type { Storage } from '../storage/storage.ts'
import { auditPage, writeAudit } from './audit-log.ts'
import { resetOwner } from './owners.ts'
import { type Role, roleRooms, roomNames } from './staff/roles.ts'
import type { Staff, StaffRefusal } from './staff/staff.ts'
import { allStaff, findPerson } from './staff/staff-store.ts'
import { translator } from './texts.ts'

const text = (maxLength: number) => Type.String({ minLength: 1, maxLength })
const roleNames = Object.keys(roleRooms) as [Role, ...Role[]]

/** What the owner's page does, asked for from the command line: one line of JSON with a `command`. */
const commandSchema = Type.Union([
  Type.Object({ command: Type.Literal('staff list') }),
  Type.Object({
    command: Type.Literal('staff add'),
    name: text(80),
    role: Type.Enum(roleNames),
    rooms: Type.Array(Type.Enum([...roomNames])),
    userName: Type.String({ maxLength: 60 }),
  }),
  Type.Object({ command: Type.Literal('staff link'), user: text(255) }),
  Type.Object({ command: Type.Literal('staff devices'), user: text(255) }),
  Type.Object({ command: Type.Literal('staff end-device'), user: text(255), device: text(255) }),
  Type.Object({ command: Type.Literal('staff leave'), user: text(255), deputy: Type.Union([text(255), Type.Null()]) }),
  Type.Object({ command: Type.Literal('owner reset') }),
  Type.Object({ command: Type.Literal('log') }),
])
export type SetupCommand = Static<typeof commandSchema>

export interface SetupCommandDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly staff: Staff
  pageUrls(): readonly string[]
}

/** Who did it, for the log. */
const by = 'command line'
const entries = 100

/** Carries out a command; `refused` says why not. Undefined: the line is no command of these. */
export function carryOutSetup(line: string, deps: SetupCommandDeps): Promise<object> | undefined {
  const command = readCommand(line)
  return command && run(command, deps)
}

async function run(command: SetupCommand, { storage, clock, staff, pageUrls }: SetupCommandDeps): Promise<object> {
  const { reader } = storage
  const idOf = (name: string) => staff.idOf(name) ?? name
  switch (command.command) {
    case 'staff list':
      return { staff: allStaff(reader).map(({ farewell, ...person }) => person) }
    case 'staff add': {
      const added = await staff.add(command, by)
      return 'refused' in added ? inEnglish(added) : { ...added, urls: linksTo(added.link, pageUrls()) }
    }
    case 'staff link': {
      const renewed = await staff.renewLink(idOf(command.user), by)
      return 'refused' in renewed ? inEnglish(renewed) : { urls: linksTo(renewed.link, pageUrls()) }
    }
    case 'staff devices':
      return { devices: devicesOf(reader, idOf(command.user)) }
    case 'staff end-device': {
      const ended = await staff.endDevice(idOf(command.user), command.device, by)
      return 'refused' in ended ? inEnglish(ended as StaffRefusal) : {}
    }
    case 'staff leave': {
      const left = await staff.leave(idOf(command.user), command.deputy === null ? undefined : idOf(command.deputy), by)
      return 'refused' in left ? inEnglish(left) : { farewell: findPerson(reader, left.userId)?.farewell ?? null }
    }
    case 'owner reset': {
      const reset = await storage.write((tx) => {
        const name = resetOwner(tx)
        if (name !== undefined) writeAudit(tx, { at: clock.now(), who: by, act: 'owner-reset', subject: name })
        return name
      })
      return reset === undefined ? { refused: 'Nobody owns this box.' } : { owner: reset }
    }
    case 'log':
      return { entries: auditPage(reader, entries) }
  }
}

function inEnglish({ refused }: StaffRefusal): { readonly refused: string } {
  return { refused: translator('en')(refused) }
}

function linksTo(link: string, pages: readonly string[]): readonly string[] {
  return pages.map((url) => `${url}/welcome/${link}`)
}

function readCommand(line: string): SetupCommand | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  return checkBody(commandSchema, value) ? undefined : (value as SetupCommand)
}
