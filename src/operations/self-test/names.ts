import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { mayReach } from '../../federation/addresses.ts'
import type { Resolver } from '../../platform/resolver.ts'
import type { CheckResult } from './result.ts'

const nothing = new BlockList()
const isPublic = (address: string) => mayReach(address, nothing)
const carrier = new BlockList()
// Source: RFC 6598, shared address space of carriers' translators.
carrier.addSubnet('100.64.0.0', 10)

/** Addresses of this machine that others could have. */
export function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).filter(({ internal, address }) => !internal && !address.startsWith('fe80')).map(({ address }) => address),
  )
}

/** What the domain name system says about this server's names. */
export async function lookUp(
  resolver: Resolver,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[] | string>> {
  const answers = await Promise.all(
    names.map(async (name): Promise<readonly [string, readonly string[] | string]> => {
      try {
        return [name, isIP(name) ? [name] : await resolver.addresses(name)]
      } catch (error) {
        return [name, (error as { code?: string }).code ?? 'failed']
      }
    }),
  )
  return new Map(answers)
}

/** DNS A and AAAA, IPv6 and translators, from what was looked up and what this machine's addresses are. */
export function checkNames(
  found: ReadonlyMap<string, readonly string[] | string>,
  local: readonly string[],
): readonly CheckResult[] {
  const addresses = [...found.values()].flatMap((answer) => (typeof answer === 'string' ? [] : answer))
  return [checkDns(found), checkIpv6(addresses, local), checkTranslation(addresses, local)]
}

function checkDns(found: ReadonlyMap<string, readonly string[] | string>): CheckResult {
  const silent = [...found].find(([, answer]) => typeof answer === 'string')
  const missing = [...found].find(([, answer]) => answer.length === 0)
  const internal = [...found].find(([, answer]) => typeof answer !== 'string' && !answer.some(isPublic))
  const facts = { names: [...found.keys()], addresses: [...found.values()].flat() }
  if (silent)
    return { id: 'dns', state: 'fail', facts: { ...facts, reason: 'no-answer', name: silent[0], code: String(silent[1]) } }
  if (missing) return { id: 'dns', state: 'fail', facts: { ...facts, reason: 'no-address', name: missing[0] } }
  // Some networks answer their own machines otherwise than the world.
  if (internal) return { id: 'dns', state: 'warn', facts: { ...facts, reason: 'internal-only', name: internal[0] } }
  return { id: 'dns', state: 'ok', facts }
}

function checkIpv6(addresses: readonly string[], local: readonly string[]): CheckResult {
  const promised = addresses.filter((address) => isIP(address) === 6)
  const own = local.filter((address) => isIP(address) === 6 && isPublic(address))
  const facts = { promised, own }
  // Many servers try IPv6 first, and some nothing else then.
  if (promised.length > 0 && own.length === 0) return { id: 'ipv6', state: 'fail', facts: { ...facts, reason: 'promised-only' } }
  if (promised.length === 0 && own.length > 0) return { id: 'ipv6', state: 'ok', facts: { ...facts, reason: 'not-promised' } }
  return { id: 'ipv6', state: 'ok', facts }
}

function checkTranslation(addresses: readonly string[], local: readonly string[]): CheckResult {
  const promised = addresses.filter((address) => isIP(address) === 4)
  const own = local.filter((address) => isIP(address) === 4)
  const facts = { promised, own }
  const behindCarrier = [...promised, ...own].some((address) => carrier.check(address))
  // Nobody outside can open a connection to this machine by IPv4.
  if (behindCarrier) return { id: 'address-translation', state: 'fail', facts: { ...facts, reason: 'carrier' } }
  const direct = own.some(isPublic)
  return { id: 'address-translation', state: 'ok', facts: { ...facts, reason: direct ? 'direct' : 'router' } }
}
