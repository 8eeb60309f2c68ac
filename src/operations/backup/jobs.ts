import type { Job } from '../jobs.ts'
import type { Backup } from './backup.ts'

export const backupJob = 'backup'
export const backupTestJob = 'backup test'

/** Every night a snapshot, every week a look whether the newest would do. */
export function backupJobs(backup: Backup): readonly Job[] {
  const due = () => backup.target() !== undefined
  return [
    { name: backupJob, when: '17 2 * * *', due, run: (signal) => backup.run(signal) },
    { name: backupTestJob, when: '23 4 * * 0', due, run: (signal) => backup.test(signal) },
  ]
}
