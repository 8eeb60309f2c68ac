export type BackupProblemKind =
  | 'not-set-up'
  | 'bad-target'
  | 'no-restic'
  | 'no-repository'
  | 'wrong-passphrase'
  | 'locked'
  | 'unreachable'
  | 'no-space'
  | 'damaged'
  | 'no-snapshot'
  /** The snapshot holds what no snapshot of this program holds. */
  | 'foreign'
  /** Written by a newer version of this program. */
  | 'newer'
  /** Of a server with another name. */
  | 'other-server'
  | 'not-empty'
  | 'half-restored'
  | 'too-slow'
  | 'failed'

/** Why a backup, a test of it or a restore did not come about, in a sentence for the person who runs the box. */
export class BackupProblem extends Error {
  override readonly name = 'BackupProblem'
  readonly kind: BackupProblemKind

  constructor(kind: BackupProblemKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Exit codes of restic from version 0.17 on; before, only its words tell. */
const codes: Readonly<Record<number, BackupProblemKind>> = { 10: 'no-repository', 11: 'locked', 12: 'wrong-passphrase' }

/** What restic writes when it fails, most telling first. */
const sayings: readonly (readonly [RegExp, BackupProblemKind, string])[] = [
  [/wrong password or no key found/i, 'wrong-passphrase', 'The passphrase is not the one of this backup.'],
  [/already locked|unable to create lock/i, 'locked', 'Another program is using the backup at the moment.'],
  [/no space left on device|quota exceeded/i, 'no-space', 'There is no space left where the backup goes.'],
  [
    /ciphertext verification failed|file is too short|decrypting blob .*failed|hash does not match|does not match id|invalid data returned|unexpected EOF|is damaged|is broken|not found in index|repository contains errors|unable to load (?:index|tree)|unpacking .*failed|not in any pack/i,
    'damaged',
    'The backup is damaged: a part of it is missing or was changed.',
  ],
  [/no snapshot found|no matching ID|invalid snapshot/i, 'no-snapshot', 'There is no such snapshot in the backup.'],
  [
    /Host key verification failed|Permission denied|connection refused|no such host|i\/o timeout|network is unreachable|no route to host|Access ?Denied|InvalidAccessKey|SignatureDoesNotMatch|certificate/i,
    'unreachable',
    'The place of the backup cannot be reached, or does not let this server in.',
  ],
  [
    /Is there a repository at the following location|NoSuchBucket|no such file or directory|specified key does not exist/i,
    'no-repository',
    'There is no backup at this place. Is the disk plugged in?',
  ],
]

/** @param said what restic wrote to standard error */
export function resticProblem(code: number | null, said: string): BackupProblem {
  const known = sayings.find(([, kind]) => kind === codes[code ?? 0]) ?? sayings.find(([pattern]) => pattern.test(said))
  if (known) return new BackupProblem(known[1], known[2])
  // An address may have a password in it.
  const last = said
    .trim()
    .split('\n')
    .at(-1)
    ?.replaceAll(/\/\/[^/@\s]*@/g, '//')
    .slice(0, 300)
  return new BackupProblem('failed', `restic failed${last ? `: ${last}` : '.'}`)
}
