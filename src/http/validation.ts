import type { TObject, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { badJson, invalidParam, type MatrixError, missingParam } from './errors.ts'

/** Compiled at the first use: most of the many schemas are not needed for the first answer after a start. */
const validators = new WeakMap<TSchema, Validator>()

function validatorOf(schema: TSchema): Validator {
  let validator = validators.get(schema)
  if (!validator) {
    validator = Compile(schema)
    validators.set(schema, validator)
  }
  return validator
}

/** Characters of a field's name in an error: names can be as long as a body. */
const maxName = 255

interface Problem {
  readonly field: string
  readonly message: string
  readonly missing: boolean
}

function firstProblem(schema: TSchema, value: unknown): Problem | undefined {
  const validator = validatorOf(schema)
  if (validator.Check(value)) return undefined
  const [error] = validator.Errors(value)
  if (!error) return { field: 'body', message: 'is not valid', missing: false }
  const path = error.instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
  if (error.keyword === 'required') {
    const [name] = (error.params as { requiredProperties?: string[] }).requiredProperties ?? []
    return { field: [path, name].filter(Boolean).join('.').slice(0, maxName), message: 'is required', missing: true }
  }
  return { field: path.slice(0, maxName) || 'body', message: error.message, missing: false }
}

/** Undefined: `body` is as `schema` says. */
export function checkBody(schema: TSchema, body: unknown): MatrixError | undefined {
  const problem = firstProblem(schema, body)
  return problem && badJson(`${problem.field}: ${problem.message}`)
}

/** Reads the parameters that `schema` names; others are ignored, as the specification asks. */
export function readQuery(schema: TObject, search: URLSearchParams): { query: Record<string, unknown> } | { error: MatrixError } {
  const query: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(schema.properties)) {
    const values = search.getAll(name)
    if (values.length === 0) continue
    const type = (property as { type?: unknown }).type
    query[name] = type === 'array' ? values : convert(type, values[0] ?? '')
  }
  const problem = firstProblem(schema, query)
  if (!problem) return { query }
  const message = `${problem.field}: ${problem.message}`
  return { error: problem.missing ? missingParam(message) : invalidParam(message) }
}

/** Texts of the query string become what the schema asks for; what does not fit stays a text, for the schema to refuse. */
function convert(type: unknown, text: string): unknown {
  if (type === 'integer' && /^-?\d{1,16}$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
