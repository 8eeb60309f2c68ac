import type { Outside } from '../federation/outside.ts'
import type { ServerName } from '../matrix/identifiers.ts'

const limits = { connect: 5000, headers: 8000, total: 10_000, bytes: 256 * 1024 }

/** The `Date` header of another server's answer to a question that needs no signature. */
export async function dateOf(
  outside: Pick<Outside, 'send'>,
  server: string,
): Promise<{ readonly date: string | undefined } | { readonly problem: string }> {
  const request = {
    method: 'GET',
    target: '/_matrix/federation/v1/version',
    headers: { accept: 'application/json' },
    limits,
  } as const
  const answer = await outside.send(server as ServerName, request)
  return 'problem' in answer ? answer : { date: answer.headers.date }
}
