import { BackupProblem } from '../operations/backup/problems.ts'
import { type RestoreDeps, type RestoreProgress, stageRestore, unclaimedNames } from '../operations/backup/restore.ts'
import type { BackupTarget } from '../operations/backup/target.ts'
import type { Log } from '../platform/log.ts'

/** A restore that is under way, or how the last one ended. */
export type RestoreState =
  | { readonly state: 'idle' }
  | ({ readonly state: 'running' } & RestoreProgress)
  | { readonly state: 'failed'; readonly problem: string }
  | { readonly state: 'done' }

export interface Restoring {
  state(): RestoreState
  /** Begins; false: one is under way. */
  begin(target: BackupTarget): boolean
  /** Gives up what is under way. */
  close(): Promise<void>
}

/** Brings a backup onto a box that nobody owns; `whenReady` puts it in its place. */
export function createRestoring(deps: RestoreDeps & { readonly log: Log }, whenReady: () => void): Restoring {
  let state: RestoreState = { state: 'idle' }
  let running: Promise<void> | undefined
  const stopping = new AbortController()

  async function carryOut(target: BackupTarget): Promise<void> {
    try {
      const wish = { target, snapshot: 'latest', serverName: undefined, mayReplace: unclaimedNames }
      await stageRestore(deps, wish, stopping.signal, (progress) => {
        state = { state: 'running', ...progress }
      })
      state = { state: 'done' }
      whenReady()
    } catch (error) {
      const known = error instanceof BackupProblem
      if (!known && !stopping.signal.aborted) deps.log.error({ err: error }, 'a restore failed')
      state = { state: 'failed', problem: known ? error.message : String((error as Error).message) }
    }
  }

  return {
    state: () => state,
    begin(target) {
      if (state.state === 'running') return false
      state = { state: 'running', step: 'look', fraction: 0 }
      running = carryOut(target)
      return true
    },
    async close() {
      // Closing is what puts a finished one in its place.
      if (state.state !== 'running') return
      stopping.abort()
      await running
    },
  }
}
