import { bootEntries, compareVersions } from './boot-entries.ts'
import type { UpdateState } from './update-state.ts'

export interface Settled {
  readonly state: UpdateState
  /** Files of `EFI/Linux` that must go, lest they be tried again. */
  readonly remove: readonly string[]
}

/** What this start says about the update before it. `running` is the version that started, `files` are those of `EFI/Linux`. */
export function settleBoot(state: UpdateState, running: string, files: readonly string[], now: Date): Settled {
  const entries = bootEntries(files)
  const spent = entries.filter(({ version, triesLeft }) => triesLeft === 0 && version !== running)
  const failed: Record<string, string> = { ...state.failed }
  for (const { version } of spent) failed[version] ??= 'it did not start three times'
  const { pending, ...rest } = state
  if (pending === undefined || pending.version === running)
    return { state: { ...state, failed }, remove: spent.map(({ file }) => file) }
  const waiting = entries.find(({ version, triesLeft }) => version === pending.version && triesLeft !== 0)
  // A newer version that waits for its start, or that was in the middle of its tries.
  if (waiting && compareVersions(pending.version, running) > 0 && failed[pending.version] === undefined)
    return { state: { ...state, failed }, remove: spent.map(({ file }) => file) }
  const reason = failed[pending.version]
  // The power went in the middle of the installation: nothing of it was started, and it may be tried again.
  if (reason === undefined && !waiting) {
    const last = `Version ${pending.version} was not installed completely by ${day(now)}. Version ${running} runs on.`
    return { state: { ...rest, failed, last }, remove: spent.map(({ file }) => file) }
  }
  const last = `Version ${pending.version} was given up on ${day(now)}: ${reason ?? 'it did not start'}. Version ${running} runs on.`
  return { state: { ...rest, failed, last }, remove: [...spent, ...(waiting ? [waiting] : [])].map(({ file }) => file) }
}

/** The version on trial answered, and stays. */
export function blessUpdate(state: UpdateState, running: string, now: Date): UpdateState {
  const { pending, ...rest } = state
  if (pending?.version !== running) return state
  return { ...rest, last: `Version ${running} was installed on ${day(now)}, in place of ${pending.from}.` }
}

export const day = (date: Date): string => date.toISOString().slice(0, 16).replace('T', ' ')
