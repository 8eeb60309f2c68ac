import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** What the log tells of; each has a text in the catalogue, `audit.ACT`. */
export const auditActs = [
  'claimed',
  'claim-failed',
  'signed-in',
  'sign-in-failed',
  'signed-out',
  'practice-set',
  'server-named',
  'reach-set',
  'backup-set',
  'backup-postponed',
  'backup-started',
  'recovery-shown',
  'recovery-confirmed',
  'recovery-postponed',
  'staff-added',
  'staff-changed',
  'staff-link',
  'staff-enrolled',
  'staff-left',
  'device-ended',
  'orphan-guarded',
  'password-changed',
  'language-changed',
  'log-exported',
  'support-bundle',
  'restored',
  'provisioned',
  'owner-reset',
  'partner-tried',
] as const
export type AuditAct = (typeof auditActs)[number]

export interface AuditEntry {
  readonly id: number
  readonly at: Milliseconds
  readonly who: string
  readonly act: AuditAct
  readonly subject: string
}

/** Kept; the oldest go. */
const maxEntries = 50_000

const insert = statement<[Milliseconds, string, string, string], never>(
  'INSERT INTO audit_log (at, who, act, subject) VALUES (?, ?, ?, ?)',
)
const trim = statement<[number], never>('DELETE FROM audit_log WHERE id <= (SELECT max(id) FROM audit_log) - ?')
const before = statement<[number, number], AuditEntry>(
  'SELECT id, at, who, act, subject FROM audit_log WHERE id < ? ORDER BY id DESC LIMIT ?',
)

export type Audit = Omit<AuditEntry, 'id'>

/** Writes down an act, in the same write as the act itself. */
export function writeAudit(tx: Writer, { at, who, act, subject }: Audit): void {
  insert(tx).run(at, who, act, subject)
  trim(tx).run(maxEntries)
}

/** Newest first, older than the entry `id`. */
export function auditPage(reader: Reader, limit: number, id = Number.MAX_SAFE_INTEGER): readonly AuditEntry[] {
  return before(reader).all(id, limit)
}
