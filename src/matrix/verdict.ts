/** What authorisation says. `rule` is the number in the list of the event's room version: room versions, "Authorisation rules". */
export type Verdict = Allowed | Rejected

export interface Allowed {
  readonly ok: true
}

export interface Rejected {
  readonly ok: false
  readonly rule: string
  readonly reason: string
  /** It is wrong whoever sends it, rather than something that this sender may not do. */
  readonly malformed?: true
}

export const allowed: Allowed = { ok: true }

export function rejected(rule: string, reason: string): Rejected {
  return { ok: false, rule, reason }
}

export function malformed(rule: string, reason: string): Rejected {
  return { ok: false, rule, reason, malformed: true }
}
