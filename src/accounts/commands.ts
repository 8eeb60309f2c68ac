import Type, { type Static } from 'typebox'
import { checkBody } from '../http/validation.ts'
import type { Administration, Refusal } from './administration.ts'

const none = Type.Null()
const name = Type.String({ maxLength: 255 })
const password = Type.String({ maxLength: 1024 })

/** What can be asked over the control socket: one line of JSON with a `command`. */
const commandSchema = Type.Union([
  Type.Object({ command: Type.Literal('user add'), name, password, admin: Type.Boolean() }),
  Type.Object({ command: Type.Literal('user list') }),
  Type.Object({ command: Type.Literal('user password'), name, password }),
  Type.Object({
    command: Type.Literal('token add'),
    uses: Type.Union([Type.Integer({ minimum: 1 }), none]),
    validFor: Type.Union([Type.Integer({ minimum: 1 }), none]),
  }),
])
export type Command = Static<typeof commandSchema>

/** Carries out a command; `refused` says why not. */
export async function runCommand(administration: Administration, command: Command): Promise<object | Refusal> {
  switch (command.command) {
    case 'user add':
      return administration.addUser(command)
    case 'user list':
      return { users: administration.listUsers() }
    case 'user password':
      return administration.setPassword(command)
    case 'token add':
      return administration.addToken(command)
  }
}

/** Undefined: not a command. */
export function readCommand(line: string): Command | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  return checkBody(commandSchema, value) ? undefined : (value as Command)
}
