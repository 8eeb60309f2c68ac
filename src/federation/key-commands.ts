import Type, { type Static } from 'typebox'
import { checkBody } from '../http/validation.ts'

const commandSchema = Type.Object({ command: Type.Literal('key rotate') })
/** What the owner asks of a running server about its keys: one line of JSON with a `command`. */
export type KeyCommand = Static<typeof commandSchema>

export interface KeyRotation {
  readonly keyId: string
  readonly before: string
}

/** Carries out a line from the command line; `refused` says why not. Undefined: the line is no command of these. */
export function carryOutKeyCommand(
  line: string,
  rotate: () => KeyRotation | { readonly refused: string },
): Promise<object> | undefined {
  const read = parse(line)
  if (checkBody(commandSchema, read)) return undefined
  return Promise.resolve().then(rotate)
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // It was no command line at all.
    return undefined
  }
}
