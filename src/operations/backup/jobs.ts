import type { Milliseconds } from '../../platform/clock.ts'
import type { Job } from '../jobs.ts'
import type { Backup } from './backup.ts'

export const backupJob = 'backup'
export const backupTestJob = 'backup test'

/** A test may be so old; a little less than a week, so that it is always the same night. */
const testAge: Milliseconds = 6.5 * 86_400_000

/** Every night a snapshot, every week a look whether the newest would do. `lastTest`: how long ago one went well; undefined: never. */
export function backupJobs(backup: Backup, lastTest: () => Milliseconds | undefined): readonly Job[] {
  const due = () => backup.target() !== undefined
  return [
    { name: backupJob, when: '17 2 * * *', due, run: (signal) => backup.run(signal) },
    {
      name: backupTestJob,
      when: '23 4 * * *',
      due: () => due() && (lastTest() ?? Number.POSITIVE_INFINITY) > testAge,
      run: (signal) => backup.test(signal),
    },
  ]
}
