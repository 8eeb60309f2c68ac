import { MatrixError } from '../http/errors.ts'
import { StorageProblem } from '../storage/problems.ts'
import { ClockIsWrong } from './clock-guard.ts'

/** A disk that takes no more data, or a wrong clock, is the server's trouble, not the client's mistake: it may try again. */
export function explainTrouble(error: unknown): MatrixError | undefined {
  if (error instanceof ClockIsWrong) return new MatrixError(503, 'M_UNKNOWN', error.message)
  if (!(error instanceof StorageProblem)) return undefined
  return new MatrixError(
    503,
    'M_UNKNOWN',
    error.kind === 'full' ? 'The server has no space left' : 'The server cannot store anything at the moment',
  )
}
