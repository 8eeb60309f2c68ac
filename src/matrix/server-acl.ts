import type { Matcher } from './glob.ts'
import { compileGlob } from './glob.ts'
import type { ServerName } from './identifiers.ts'
import { splitServerName } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { isArray } from './json.ts'

interface CompiledAcl {
  readonly allowsIpLiterals: boolean
  readonly denies: Matcher
  readonly allows: Matcher
}

const compiled = new WeakMap<JsonObject, CompiledAcl>()

/**
 * Whether a room's ACL lets a server take part; ports do not count. Ask only where the room has one.
 * Source: client-server API, `m.room.server_acl`.
 * @param content of the event. It is compiled once for each object, so hand in the same object again
 */
export function serverAllowed(content: JsonObject, server: ServerName): boolean {
  const acl = compiled.get(content) ?? compile(content)
  const { host, kind } = splitServerName(server)
  if (kind !== 'dns' && !acl.allowsIpLiterals) return false
  const name = host.toLowerCase()
  return !acl.denies(name) && acl.allows(name)
}

function compile(content: JsonObject): CompiledAcl {
  const acl = {
    allowsIpLiterals: content.allow_ip_literals !== false,
    denies: compileList(content.deny),
    allows: compileList(content.allow),
  }
  compiled.set(content, acl)
  return acl
}

/** Names without wildcards go into a set: lists of thousands of denied servers are common. */
function compileList(list: JsonValue | undefined): Matcher {
  const patterns = (isArray(list) ? list : []).filter((pattern) => typeof pattern === 'string')
  const names = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)).map((name) => name.toLowerCase()))
  const globs = patterns.filter((pattern) => /[*?]/.test(pattern)).map(compileGlob)
  return (name) => names.has(name) || globs.some((matches) => matches(name))
}
