import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parse } from 'yaml'

/** The parsed files of the official API description, by path within its folder (`api/client-server/keys.yaml`). */
export type Documents = Readonly<Record<string, unknown>>

export interface DescribedOperation {
  readonly method: string
  /** With `{names}`, from the root of the server. */
  readonly path: string
  /** Where its responses stand: document, then the JSON pointer. */
  readonly document: string
  readonly pointer: string
}

const root = resolve(import.meta.dirname, '..', '..')
const cache = join(root, 'node_modules', '.cache', 'hausbote')

/** The folder of the official description; undefined where nobody has put it. `HAUSBOTE_MATRIX_SPEC` may name it. */
export function descriptionFolder(): string | undefined {
  const named = process.env.HAUSBOTE_MATRIX_SPEC
  const folder = resolve(named || join(root, '..', 'shared', 'matrix-spec'))
  if (existsSync(join(folder, 'api', 'client-server'))) return folder
  if (named) throw new Error(`HAUSBOTE_MATRIX_SPEC: ${folder} has no api/client-server`)
  return undefined
}

/** Reads the description. Parsing YAML takes seconds, so the result is kept until a file changes. */
export function readDescription(folder: string): Documents {
  const files = ['api', join('event-schemas', 'schema'), 'schemas'].flatMap((part) => yamlFiles(join(folder, part)))
  // What is kept depends on the files and on how this module reads them.
  const state = createHash('sha256').update(readFileSync(import.meta.filename))
  for (const file of files) {
    const { mtimeMs, size } = statSync(file)
    state.update(`${file} ${mtimeMs} ${size}\n`)
  }
  const kept = join(cache, `matrix-description-${state.digest('hex').slice(0, 16)}.json`)
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8'))
  const documents: Record<string, unknown> = {}
  for (const file of files) documents[relative(folder, file)] = withoutProse(parse(readFileSync(file, 'utf8')), false)
  mkdirSync(cache, { recursive: true })
  // Several test workers may do this at once: each puts a whole file into place.
  const mine = `${kept}.${process.pid}`
  writeFileSync(mine, JSON.stringify(documents))
  renameSync(mine, kept)
  return documents
}

function yamlFiles(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return found.filter((name) => name.endsWith('.yaml')).map((name) => join(folder, name))
}

/** Leaves out descriptions, examples and extensions, except where such a word is the name of a property. */
function withoutProse(value: unknown, names: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutProse(item, false))
  if (typeof value !== 'object' || value === null) return value
  const kept: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (!names && /^(description|examples?|x-.*)$/.test(key)) continue
    kept[key] = withoutProse(item, !names && (key === 'properties' || key === 'patternProperties'))
  }
  return kept
}

type PathItem = Readonly<Record<string, { operationId?: string }>>
interface ApiDocument {
  servers?: readonly { variables?: { basePath?: { default?: string } } }[]
  paths?: Readonly<Record<string, PathItem>>
}

/** The operations of one API of the description, for example `client-server`. */
export function operationsOf(documents: Documents, api: string): DescribedOperation[] {
  const operations: DescribedOperation[] = []
  for (const [name, content] of Object.entries(documents)) {
    if (!new RegExp(`^api/${api}/[^/]+\\.yaml$`).test(name)) continue
    const { servers, paths } = content as ApiDocument
    const base = servers?.[0]?.variables?.basePath?.default ?? ''
    for (const [path, item] of Object.entries(paths ?? {})) {
      for (const [method, operation] of Object.entries(item)) {
        if (operation?.operationId === undefined) continue
        operations.push({
          method: method.toUpperCase(),
          path: base + path,
          document: name,
          pointer: `/paths/${escapePointer(path)}/${method}/responses`,
        })
      }
    }
  }
  return operations
}

const escapePointer = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')

/** The value at a place of the description and the place it really stands at, `$ref` followed. */
export function lookUp(
  documents: Documents,
  document: string,
  pointer: string,
): { value: unknown; document: string; pointer: string } | undefined {
  let value: unknown = documents[document]
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  if (value === undefined) return undefined
  const reference = (value as { $ref?: string } | null)?.$ref
  if (reference === undefined) return { value, document, pointer }
  const [file = '', place = ''] = reference.split('#')
  const target = file === '' ? document : join(document, '..', file)
  return lookUp(documents, target, place)
}
