import type { CheckId, CheckResult } from './result.ts'

const titles: Readonly<Record<CheckId, string>> = {
  dns: 'Names in the DNS',
  ipv6: 'IPv6',
  'address-translation': 'Way in from outside (IPv4)',
  srv: 'SRV records',
  'well-known-server': '.well-known for servers',
  federation: 'Reached by other servers',
  'well-known-client': '.well-known for clients',
  client: 'Reached by clients',
  certificate: 'Certificate',
  clock: 'Clock',
  'push-gateways': 'Push gateways',
  disk: 'Disk',
  backup: 'Backup',
}

/** By check and reason; `{fact}` stands for a fact. */
const sentences: Readonly<Record<string, string>> = {
  'dns no-answer': 'No name server answered about {name} ({code}).',
  'dns no-address': 'There is no address for {name}: add an A record (and AAAA) with the public address.',
  'dns internal-only':
    '{name} leads to internal addresses only, seen from here: {addresses}. Others must see the public address.',
  'ipv6 promised-only':
    'The DNS has an IPv6 address ({promised}), and this machine has none: many servers will try it in vain. Remove the AAAA record.',
  'ipv6 not-promised': 'This machine has IPv6 ({own}), the DNS has no AAAA record; that is fine.',
  'address-translation carrier':
    'The connection has a shared address of the provider ({own} {promised}): nobody can open a connection to it. Ask the provider for a public address.',
  'address-translation router': 'Behind a router: it must pass on the ports.',
  'address-translation direct': 'This machine has a public address itself.',
  'srv nowhere': 'An SRV record says that there is no such server: remove it.',
  'srv not-used': 'Not used for this name.',
  'well-known-server not-used': 'Not used for this name.',
  'well-known-server absent': 'None; other servers use SRV records or port 8448.',
  'federation other-key': 'Another server answers under this name, or this one had another key.',
  'client not-encrypted': '{address} is not encrypted.',
  'client no-cors': '{address} does not let browsers in: a proxy must not remove Access-Control-Allow-Origin.',
  'well-known-client no-cors': 'It does not let browsers in: it needs Access-Control-Allow-Origin: *.',
  'well-known-client other-server': 'It names {url}, but this server is at {expected}.',
  'certificate run-out': 'It has run out.',
  'certificate self-signed': 'It is made by this machine itself: nobody trusts it.',
  'certificate other-name': 'It is not for {name}.',
  'certificate soon': 'It runs out in {days} days.',
  'clock partners': 'It is wrong by {aheadSeconds} seconds: nothing is signed until it is set.',
  'clock certificates':
    'It is wrong: for it the certificates of all other servers are too old or too new. Nothing is signed until it is set.',
  'clock behind': 'It is earlier than it was already ({aheadSeconds} seconds): nothing is signed until it is set.',
  'clock nobody-asked': 'Nobody could be asked yet.',
  'push-gateways silent': 'No answer from {silent}: phones are not woken.',
  'backup not-set-up': 'Nobody said where it should go.',
  'backup never': 'There is none yet.',
  'backup old': 'The last good one is too old.',
  'backup failed': 'The last attempt failed.',
  'backup not-tested': 'It was not tested lately.',
}
/** For whatever is asked for over the network. */
const general: Readonly<Record<string, string>> = {
  internal: 'Its name leads to an internal address here, so it cannot be seen from inside whether others reach it.',
  certificate: 'The certificate that is shown there is not accepted: {problem}.',
  'no-name': 'There is no such name.',
  closed: 'Nobody listens there: the port is not open, or not passed on by the router.',
  'no-answer': 'No answer from there: {problem}.',
  'something-else': 'Something else answers there (status {status}).',
}

/** A line for a person who knows computers. */
export function explainCheck({ id, state, facts }: CheckResult): string {
  const reason = String(facts.reason ?? '')
  const sentence = sentences[`${id} ${reason}`] ?? general[reason] ?? (state === 'ok' ? 'Fine.' : 'Look at the facts.')
  const filled = sentence.replace(/\{(\w+)\}/g, (_, name: string) => [facts[name] ?? '?'].flat().join(', '))
  return `${{ ok: 'ok  ', warn: 'WARN', fail: 'FAIL' }[state]}  ${titles[id]}: ${filled}`
}
