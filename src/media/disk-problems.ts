import { badJson, MatrixError } from '../http/errors.ts'

/** A full disk is the server's trouble, and may pass; a connection that broke is nobody's fault. */
export async function explained<Result>(action: Promise<Result>): Promise<Result> {
  try {
    return await action
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new MatrixError(503, 'M_UNKNOWN', 'The server has no space left')
    if (code === 'ECONNRESET') throw badJson('The body broke off')
    throw error
  }
}
