type Kind =
  | 'in-use'
  | 'schema-newer'
  | 'migration'
  | 'corrupt'
  | 'full'
  /** The disk refused to say that data is safe: nothing more may be promised. */
  | 'unsafe'
  | 'unusable'
  | 'closed'

/** What is wrong with the data directory, in a sentence for the person who runs the box. */
export class StorageProblem extends Error {
  override readonly name = 'StorageProblem'
  readonly kind: Kind

  constructor(kind: Kind, message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

/** Translates an error of SQLite or the file system; undefined: a fault of the program, not of the disk. */
export function storageProblem(error: unknown): StorageProblem | undefined {
  if (error instanceof StorageProblem) return error
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string') return undefined
  // The index of the log is a file too, and has a code of its own for a disk without space.
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'SQLITE_IOERR_SHMSIZE')
    return new StorageProblem('full', 'The disk is full: the box only reads until there is space again.', error)
  if (code.startsWith('SQLITE_BUSY'))
    return new StorageProblem('in-use', 'Another program holds the database. Stop it first.', error)
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new StorageProblem(
      'corrupt',
      'The database file is damaged. Restore the last backup; the file was left as it is.',
      error,
    )
  }
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_READONLY') || code === 'EIO' || code === 'EROFS') {
    return new StorageProblem('unsafe', `The disk does not take data any more (${code}).`, error)
  }
  if (code.startsWith('SQLITE_CANTOPEN') || code === 'EACCES' || code === 'ENOTDIR' || code === 'EPERM') {
    return new StorageProblem('unusable', `The data directory cannot be used (${code}): ${(error as Error).message}`, error)
  }
  return undefined
}
