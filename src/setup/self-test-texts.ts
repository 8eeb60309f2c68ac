import type { CheckResult } from '../operations/self-test/result.ts'
import { isTextKey, type Translate } from './texts.ts'

/** What a check found, in a sentence for the owner. */
export function checkSentence(text: Translate, { id, state, facts }: CheckResult): string {
  const reason = String(facts.reason ?? '')
  const key = [`found.${id}.${reason}`, `found.${reason}`].find(isTextKey)
  if (!key) return text(state === 'ok' ? 'check.fine' : 'check.look')
  const values = Object.entries(facts).map(([name, value]) => [name, [value ?? '?'].flat().join(', ')] as const)
  return text(key, Object.fromEntries(values))
}
