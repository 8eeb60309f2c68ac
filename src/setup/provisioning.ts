import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import Type, { type Static, type TProperties } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Reach } from './answers.ts'
import { readClaimCode } from './claim-code.ts'
import { readServerName } from './server-name.ts'
import { type Role, type RoomName, roleRooms, roomNames } from './staff/roles.ts'

const closed = <Properties extends TProperties>(properties: Properties) =>
  Type.Object(properties, { additionalProperties: false })
const line = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^[^\\r\\n]+$' })
const roleNames = Object.keys(roleRooms) as [Role, ...Role[]]

/** What a technician can answer beforehand. docs/provisioning.md explains each field. */
const schema = closed({
  claim_code: Type.Optional(line(20)),
  language: Type.Optional(Type.Enum(['de', 'en'])),
  server_name: Type.Optional(line(230)),
  practice: Type.Optional(closed({ name: line(80), mode: Type.Optional(Type.Enum(['open'])) })),
  owner: Type.Optional(closed({ name: line(80) })),
  reach: Type.Optional(closed({ way: Type.Enum(['local', 'own', 'proxy']), host: Type.Optional(line(253)) })),
  backup: Type.Optional(
    closed({
      repository: line(1000),
      passphrase: Type.String({ minLength: 12, maxLength: 1000, pattern: '^[^\\r\\n]+$' }),
      environment: Type.Optional(Type.Record(Type.String(), line(1000))),
    }),
  ),
  staff: Type.Optional(
    Type.Array(
      closed({
        name: line(80),
        role: Type.Enum(roleNames),
        rooms: Type.Optional(Type.Array(Type.Enum([...roomNames]))),
        user_name: Type.Optional(Type.String({ pattern: '^[a-z0-9._-]{1,60}$' })),
      }),
      { maxItems: 200 },
    ),
  ),
  technician: Type.Optional(line(200)),
  /** For what is below this program, such as the network of the image. */
  box: Type.Optional(Type.Object({})),
})

/** A file's answers, checked. */
export interface Provisioning {
  readonly claimCode: string | undefined
  readonly language: 'de' | 'en' | undefined
  readonly serverName: string | undefined
  readonly practice: { readonly name: string; readonly mode: 'open' } | undefined
  readonly ownerName: string | undefined
  readonly reach: Reach | undefined
  readonly technician: string | undefined
  /** Carried out as soon as the messenger runs. */
  readonly later: LaterProvisioning
}

export interface LaterProvisioning {
  readonly backup?: {
    readonly repository: string
    readonly passphrase: string
    readonly environment: Readonly<Record<string, string>>
  }
  readonly staff?: readonly {
    readonly name: string
    readonly role: Role
    readonly rooms: readonly RoomName[]
    readonly userName: string
  }[]
}

/** Reads a provisioning file: its answers, or everything that is wrong with it, one line for each thing, in the order of the file's schema. */
export function readProvisioning(file: string): Provisioning | { readonly problems: readonly string[] } {
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return { problems: [`cannot be read: ${(error as Error).message.split('\n')[0]}`] }
  }
  return checkProvisioning(content)
}

/** The same for what such a file holds. */
export function checkProvisioning(content: unknown): Provisioning | { readonly problems: readonly string[] } {
  const problems = schemaProblems(content)
  if (problems.length > 0) return { problems: [...problems, ...partialMeaning(content).problems] }
  const { problems: wrong, found } = meaningOf(content as Static<typeof schema>)
  return wrong.length > 0 ? { problems: wrong } : found
}

/** One problem for each field. The library stops after a few, so each part is looked at on its own. */
function schemaProblems(content: unknown): readonly string[] {
  const parts = typeof content === 'object' && content !== null ? Object.entries(content) : []
  const single = parts.flatMap(([name, value]) =>
    name === 'staff' && Array.isArray(value)
      ? value.flatMap((person, index) => problemsIn({ staff: [person] }).map((line) => line.replace('staff.0', `staff.${index}`)))
      : problemsIn({ [name]: value }),
  )
  const fields = new Set<string>()
  return [...single, ...(single.length === 0 ? problemsIn(content) : [])].filter((line) => {
    const field = line.slice(0, line.indexOf(': '))
    return !fields.has(field) && fields.add(field)
  })
}

const validator = Compile(schema)

function problemsIn(content: unknown): readonly string[] {
  return validator.Check(content) ? [] : [...validator.Errors(content)].flatMap(explain)
}

interface SchemaError {
  readonly instancePath: string
  readonly keyword: string
  readonly message: string
  readonly params: unknown
}

function explain({ instancePath, keyword, message, params }: SchemaError): readonly string[] {
  const path = instancePath.slice(1).replaceAll('/', '.')
  const named = (names: readonly string[] | undefined, what: string) =>
    (names ?? []).map((name) => `${[path, name].filter(Boolean).join('.')}: ${what}`)
  const given = params as {
    requiredProperties?: string[]
    additionalProperties?: string[]
    allowedValues?: unknown[]
  }
  if (keyword === 'required') return named(given.requiredProperties, 'is missing')
  if (keyword === 'additionalProperties') return named(given.additionalProperties, 'there is no such field')
  if (keyword === 'enum') return [`${path}: must be one of: ${(given.allowedValues ?? []).join(', ')}`]
  // Says only that something inside is wrong, which is said on its own.
  if (keyword === 'anyOf' || keyword === 'boolean') return []
  return [`${path || 'the file'}: ${message}`]
}

/** What single fields mean where others are wrong, so that all problems come at once. */
function partialMeaning(content: unknown): { readonly problems: readonly string[] } {
  const fields = (typeof content === 'object' && content !== null ? content : {}) as Record<string, unknown>
  const text = (name: string) => (typeof fields[name] === 'string' ? { [name]: fields[name] } : {})
  return { problems: meaningOf({ ...text('claim_code'), ...text('server_name') }).problems }
}

function meaningOf(answers: Static<typeof schema>): { readonly problems: readonly string[]; readonly found: Provisioning } {
  const problems: string[] = []
  const { claim_code: code, server_name: name, reach, backup, staff } = answers
  if (code !== undefined && readClaimCode(code) === undefined)
    problems.push('claim_code: must be eight characters of 0-9 and A-Z without I, L, O and U')
  const serverName = name === undefined ? undefined : readServerName(name)
  if (name !== undefined && serverName === undefined) problems.push('server_name: must be a name such as praxis-sommer.de')
  const host = reach?.host === undefined ? undefined : readServerName(reach.host)
  if (reach && reach.way !== 'local' && host === undefined)
    problems.push('reach.host: must be a name such as chat.praxis-sommer.de')
  const later: LaterProvisioning = {
    ...(backup && { backup: { ...backup, environment: backup.environment ?? {} } }),
    ...(staff && {
      staff: staff.map((person) => ({ ...person, rooms: person.rooms ?? [], userName: person.user_name ?? '' })),
    }),
  }
  return {
    problems,
    found: {
      claimCode: code,
      language: answers.language,
      serverName,
      practice: answers.practice && { name: answers.practice.name, mode: 'open' },
      ownerName: answers.owner?.name,
      reach: reachOf(reach?.way, host),
      technician: answers.technician,
      later,
    },
  }
}

function reachOf(way: Reach['way'] | undefined, host: string | undefined): Reach | undefined {
  if (way === 'local') return { way }
  if (way === undefined || host === undefined) return undefined
  return way === 'own' ? { way, host } : { way, publicUrl: `https://${host}` }
}
