import { parseArgs } from 'node:util'
import { encodeBase64 } from '../matrix/base64.ts'
import type { AuditEntry } from './audit-log.ts'
import type { SetupCommand } from './commands.ts'
import { readProvisioning } from './provisioning.ts'
import { fromWords } from './recovery-words.ts'
import type { Farewell } from './staff/farewell.ts'
import { isRole, isRoomName, roles, roomNames } from './staff/roles.ts'
import type { Person } from './staff/staff-store.ts'

/** The terminal and the server, as the commands of this file need them. */
export interface SetupLine {
  say(line: string): void
  /** Asks the running server, or this process if none runs. Ends the command where it is refused. */
  ask<Answer>(command: SetupCommand): Promise<Answer>
  /** Writes the file of the signing key, while no server runs. Ends the command if there is one already. */
  keepKey(content: string): Promise<void>
}

/** A mistake in how a command was called. */
export class SetupUsageProblem extends Error {}

/** A file that was checked is wrong. */
export class WrongFile extends Error {}

export const setupUsage = `  staff list                                   show the people of the practice
  staff add NAME --role ROLE [--rooms ROOM,ROOM] [--user-name NAME]
                                               add somebody; shows the invitation, this once
  staff link USER                              a new invitation, for a forgotten password too
  staff devices USER                           show where somebody is signed in
  staff end-device USER DEVICE                 sign one device out
  staff leave USER [--deputy USER]             end all that belongs to somebody who leaves; shows the protocol
  owner reset                                  let the owner's page be claimed anew, with a new code at the next start
  log                                          show the last entries of the log
  setup check FILE                             say what is wrong with a provisioning file
  setup key ID WORD...                         the signing key from the words of the recovery sheet, into a directory without one
`

/** Whether `runSetup` carries out this command. */
export function isSetup(words: readonly string[]): boolean {
  return ['staff', 'owner', 'log', 'setup'].includes(words[0] ?? '')
}

/** Rejects with `SetupUsageProblem` or `WrongFile`. */
export async function runSetup(words: readonly string[], line: SetupLine): Promise<void> {
  const { positionals, values } = read(words)
  const [noun = '', verb = '', first, second, ...more] = positionals
  const command = `${noun} ${verb}`.trim()
  const needs = {
    'staff add': 1,
    'staff link': 1,
    'staff devices': 1,
    'staff end-device': 2,
    'staff leave': 1,
    'setup check': 1,
    'setup key': 1,
  }
  const wanted = Object.hasOwn(needs, command) ? needs[command as keyof typeof needs] : 0
  const given = [first, second, ...more].filter((word) => word !== undefined)
  if (command === 'setup key' ? given.length < 2 : given.length !== wanted)
    throw new SetupUsageProblem(given.length < wanted ? 'A word is missing.' : `There are too many words: ${words.join(' ')}`)
  const subject = first ?? ''
  switch (command) {
    case 'staff list':
      return listStaff(line)
    case 'staff add':
      return addPerson(subject, values, line)
    case 'staff link':
      return showLink(await line.ask<{ urls: readonly string[] }>({ command: 'staff link', user: subject }), line)
    case 'staff devices':
      return listDevices(subject, line)
    case 'staff end-device':
      await line.ask({ command: 'staff end-device', user: subject, device: second ?? '' })
      return line.say(`${second} is signed out.`)
    case 'staff leave':
      return leave(subject, values.deputy ?? null, line)
    case 'owner reset': {
      const { owner } = await line.ask<{ owner: string }>({ command: 'owner reset' })
      return line.say(`${owner} does not own this box any more. Its next start shows a new code; all data stays.`)
    }
    case 'log':
      return showLog(line)
    case 'setup check':
      return check(subject, line)
    case 'setup key':
      return keyFromWords(subject, positionals.slice(3).join(' '), line)
    default:
      throw new SetupUsageProblem(`There is no command "${command}".`)
  }
}

type Options = Partial<Record<'role' | 'rooms' | 'user-name' | 'deputy', string>>

async function addPerson(name: string, values: Options, line: SetupLine): Promise<void> {
  const { role = '' } = values
  const rooms = (values.rooms ?? '').split(',').filter((room) => room !== '')
  const unknown = rooms.find((room) => !isRoomName(room))
  if (!isRole(role)) throw new SetupUsageProblem(`--role must be one of: ${roles.join(', ')}`)
  if (unknown !== undefined) throw new SetupUsageProblem(`--rooms: ${unknown} is none of ${roomNames.join(', ')}`)
  const added = await line.ask<{ userId: string; urls: readonly string[] }>({
    command: 'staff add',
    name,
    role,
    rooms: rooms.filter(isRoomName),
    userName: values['user-name'] ?? '',
  })
  line.say(`${name} is ${added.userId}.`)
  await showLink(added, line)
}

async function showLink({ urls: [first, ...others] }: { readonly urls: readonly string[] }, line: SetupLine): Promise<void> {
  if (first === undefined)
    return line.say('The owner\'s page is off: nobody can open an invitation. Set a password with "user password".')
  line.say('Invitation, valid for 24 hours and once, shown only now:')
  for (const url of [first, ...others]) line.say(`  ${url}`)
  const { toString: drawQr } = await import('qrcode')
  line.say(await drawQr(first, { type: 'utf8', errorCorrectionLevel: 'L' }))
}

async function listStaff(line: SetupLine): Promise<void> {
  const { staff } = await line.ask<{ staff: readonly Omit<Person, 'farewell'>[] }>({ command: 'staff list' })
  for (const { userId, name, role, leftAt } of staff)
    line.say(`${userId}  ${name}, ${role}${leftAt === null ? '' : `, left ${day(leftAt)}`}`)
  if (staff.length === 0) line.say('There is nobody yet.')
}

async function listDevices(user: string, line: SetupLine): Promise<void> {
  type Listed = { deviceId: string; displayName: string | null; lastSeenTs: number }
  const { devices } = await line.ask<{ devices: readonly Listed[] }>({ command: 'staff devices', user })
  for (const { deviceId, displayName, lastSeenTs } of devices)
    line.say(`${deviceId}  ${displayName ?? 'without a name'}, last used ${day(lastSeenTs)}`)
  if (devices.length === 0) line.say('No device is signed in.')
}

async function leave(user: string, deputy: string | null, line: SetupLine): Promise<void> {
  const { farewell } = await line.ask<{ farewell: Farewell }>({ command: 'staff leave', user, deputy })
  line.say(`${user} has left. Devices signed out: ${farewell.devices.length}. Rooms left: ${farewell.rooms.length}.`)
  for (const { roomId, name, administration } of farewell.rooms) line.say(`  ${name ?? roomId}: ${administration}`)
}

async function showLog(line: SetupLine): Promise<void> {
  const { entries } = await line.ask<{ entries: readonly AuditEntry[] }>({ command: 'log' })
  for (const { at, who, act, subject } of entries.toReversed())
    line.say(`${new Date(at).toISOString().slice(0, 19)}  ${who}  ${act}${subject === '' ? '' : `  ${subject}`}`)
  if (entries.length === 0) line.say('There are no entries yet.')
}

async function check(file: string, line: SetupLine): Promise<void> {
  const found = readProvisioning(file)
  if ('problems' in found) throw new WrongFile(found.problems.map((problem) => `${file}: ${problem}`).join('\n'))
  line.say(`${file} is right.`)
}

/** The file of the signing key, as `federation/signing-key.ts` reads it. */
async function keyFromWords(id: string, words: string, line: SetupLine): Promise<void> {
  const version = /^(?:ed25519:)?([A-Za-z0-9_]+)$/.exec(id)?.[1]
  const seed = fromWords(words)
  if (version === undefined) throw new SetupUsageProblem('The identifier must look like ed25519:a_AbCdEf.')
  if (seed?.length !== 32)
    throw new WrongFile('A word is misspelled, missing or at a wrong place: there must be 17 of five letters.')
  await line.keepKey(`ed25519 ${version} ${encodeBase64(seed)}\n`)
  line.say(`The signing key ed25519:${version} is in its place.`)
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function read(words: readonly string[]): { positionals: string[]; values: Options } {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { role: text, rooms: text, 'user-name': text, deputy: text },
    })
  } catch (error) {
    throw new SetupUsageProblem((error as Error).message)
  }
}
