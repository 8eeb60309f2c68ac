import { BackupProblem } from './problems.ts'
import type { Restic, ResticLine, ResticOptions } from './restic.ts'

/** One snapshot in a repository. */
export interface Snapshot {
  /** Of 64 hexadecimal digits. */
  readonly id: string
  /** RFC 3339. */
  readonly time: string
  readonly serverName: string
}

/** Tells snapshots of this program from others in the same repository. */
export const tag = 'hausbote'
/** How long a look at the repository, and one step of its making, may take: somebody waits for it. */
const patience = { look: 50_000, make: 25_000 }

/** Snapshots of this program, oldest first; undefined server: of all. */
export async function snapshotsIn(
  restic: Restic,
  serverName: string | undefined,
  signal?: AbortSignal,
): Promise<readonly Snapshot[]> {
  const found: Snapshot[] = []
  const words = ['snapshots', '--no-lock', '--tag', tag, ...(serverName === undefined ? [] : ['--host', serverName])]
  await restic(words, {
    signal,
    limit: patience.look,
    onLine(line) {
      for (const entry of Array.isArray(line.list) ? (line.list as ResticLine[]) : []) {
        const { id, time, hostname } = entry
        if (typeof id === 'string' && typeof time === 'string') found.push({ id, time, serverName: String(hostname) })
      }
    },
  })
  return found.sort((one, other) => Date.parse(one.time) - Date.parse(other.time))
}

/** Makes the repository if there is none. Rejects with a `BackupProblem` if it cannot be used. */
export async function openOrCreate(restic: Restic, signal?: AbortSignal): Promise<{ readonly created: boolean }> {
  const options: ResticOptions = { signal, limit: patience.make }
  try {
    await restic(['cat', 'config', '--no-lock'], options)
    return { created: false }
  } catch (error) {
    if (!(error instanceof BackupProblem && error.kind === 'no-repository')) throw error
    await restic(['init'], options)
    return { created: true }
  }
}

/** An entry of a snapshot. */
export interface Entry {
  /** Without a leading slash. */
  readonly path: string
  /** restic's words: `file`, `dir`, `symlink`, `dev`, ... */
  readonly type: string
  /** Bytes. */
  readonly size: number
}

/** All entries of a snapshot, in the order of their paths. */
export async function listEntries(
  restic: Restic,
  id: string,
  onEntry: (entry: Entry) => void,
  signal?: AbortSignal,
): Promise<void> {
  await restic(['ls', '--no-lock', id], {
    signal,
    onLine({ struct_type: former, message_type: kind = former, path, type, size }) {
      if (kind !== 'node') return
      onEntry({ path: String(path).replace(/^\//, ''), type: String(type), size: typeof size === 'number' ? size : 0 })
    },
  })
}
