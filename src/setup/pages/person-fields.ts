import { choices, input, type Problems, select } from '../fields.ts'
import type { Html } from '../html.ts'
import { isRole, isRoomName, type Role, type RoomName, roles, roomNames } from '../staff/roles.ts'
import type { Visit } from '../visit.ts'

interface KnownPerson {
  readonly name: string
  readonly role: Role
  readonly rooms: readonly RoomName[]
}

/** Name, role and rooms of somebody, as they were sent or as they are known. */
export function personFields({ text, form }: Visit, problems: Problems, known: Partial<KnownPerson> = {}): readonly Html[] {
  const sent = form.line('role') !== ''
  const rooms = sent ? form.all('rooms') : (known.rooms ?? [])
  return [
    input({
      name: 'name',
      label: text('staff.name'),
      hint: text('staff.nameHint'),
      value: form.line('name') || known.name || '',
      problem: problems.name,
      maxlength: 80,
    }),
    select({
      name: 'role',
      label: text('staff.role'),
      hint: text('staff.roleHint'),
      value: form.line('role') || known.role || 'assistant',
      options: roles.map((role) => ({ value: role, label: text(`role.${role}`) })),
    }),
    choices({
      name: 'rooms',
      legend: text('staff.rooms'),
      type: 'checkbox',
      choices: roomNames
        .filter((name) => name !== 'everyone')
        .map((name) => ({ value: name, label: text(`room.${name}`), checked: rooms.includes(name) })),
    }),
  ]
}

/** What was sent, or what is wrong with it. */
export function readPerson({ form, text }: Visit): KnownPerson | { readonly problems: Problems } {
  const [name, role] = [form.line('name'), form.line('role')]
  const problems: Record<string, string> = {}
  if (name === '') problems.name = text('frame.required')
  else if (name.length > 80) problems.name = text('frame.tooLong')
  if (!isRole(role)) problems.role = text('staff.refusedRole')
  else if (Object.keys(problems).length === 0) return { name, role, rooms: form.all('rooms').filter(isRoomName) }
  return { problems }
}
