import { BackupProblem } from '../operations/backup/problems.ts'
import { lastRestore } from '../operations/backup/restored-database.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { answersOf, noteOf, setAnswer, setNote } from './answers.ts'
import { writeAudit } from './audit-log.ts'
import type { Messenger } from './messenger.ts'
import { ownerOf } from './owners.ts'
import type { LaterProvisioning, Provisioning } from './provisioning.ts'
import { endAllOwnerSessions } from './sessions.ts'
import { forgetAllLinks } from './staff/links.ts'
import type { Staff } from './staff/staff.ts'

const laterNote = 'note provisioned later'
export const ownerNameNote = 'note provisioned owner'
export const technicianNote = 'note technician'

/** Who prepared the box, for the log. */
const technician = 'provisioning'

/** Takes over the answers of a file onto a box that nobody owns; what was answered already stays. */
export async function provision(storage: Storage, clock: Clock, found: Provisioning): Promise<void> {
  await storage.write((tx) => {
    if (ownerOf(tx)) return
    const known = answersOf(tx)
    const { language, practice, serverName, reach } = found
    if (language && !known.language) setAnswer(tx, 'language', language)
    if (practice && !known.practice) setAnswer(tx, 'practice', practice)
    if (serverName && !known.serverName) setAnswer(tx, 'serverName', serverName)
    if (reach && !known.reach) setAnswer(tx, 'reach', reach)
    setNote(tx, ownerNameNote, found.ownerName)
    setNote(tx, technicianNote, found.technician)
    const waits = Object.keys(found.later).length > 0
    setNote(tx, laterNote, waits ? JSON.stringify(found.later) : undefined)
    writeAudit(tx, { at: clock.now(), who: technician, act: 'provisioned', subject: '' })
  })
}

const restoreNote = 'note restore seen'

/** After a restore whoever was signed in to the page must sign in anew, and invitations that may have been used are void. Once for each restore. */
export async function settleRestored(storage: Storage, clock: Clock): Promise<void> {
  const report = lastRestore(storage.reader)
  if (!report || noteOf(storage.reader, restoreNote) === String(report.restoredAt)) return
  await storage.write((tx) => {
    endAllOwnerSessions(tx)
    forgetAllLinks(tx)
    setNote(tx, restoreNote, String(report.restoredAt))
    writeAudit(tx, { at: clock.now(), who: 'hausbote', act: 'restored', subject: report.snapshot.slice(0, 8) })
  })
}

export interface LaterDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  readonly messenger: Messenger
  readonly staff: Staff
}

/**
 * Does what a provisioning file asks for and a messenger is needed for. What cannot be done, such as a backup whose place is not there, is
 * left to the owner, who is asked for it then. Cut off, it goes on at the next start.
 */
export async function provisionLater({ storage, clock, log, messenger, staff }: LaterDeps): Promise<void> {
  const note = noteOf(storage.reader, laterNote)
  const backup = messenger.running?.operations.backup
  if (note === undefined || !backup || !ownerOf(storage.reader)) return
  const wanted = JSON.parse(note) as LaterProvisioning
  if (wanted.backup && answersOf(storage.reader).backup === undefined) {
    try {
      await backup.prepare(wanted.backup)
      await storage.write((tx) => {
        setAnswer(tx, 'backup', 'set')
        writeAudit(tx, { at: clock.now(), who: technician, act: 'backup-set', subject: backup.target() ?? '' })
      })
    } catch (error) {
      if (!(error instanceof BackupProblem)) throw error
      log.warn({ kind: error.kind, problem: error.message }, 'the backup of the provisioning file was not set up')
    }
  }
  for (const person of wanted.staff ?? []) {
    const added = await staff.add(person, technician)
    // Cut off and begun anew: whoever is there with this name stays.
    if ('refused' in added) log.info({ reason: added.refused }, 'a person of the provisioning file was not added')
  }
  await storage.write((tx) => {
    if (wanted.staff) setAnswer(tx, 'staff', 'done')
    setNote(tx, laterNote, undefined)
  })
}
