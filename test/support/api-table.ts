import { type ListedOperation, nameOf, operations } from './operations.ts'
import type { RunRecord } from './run-record.ts'

const headings: Readonly<Record<ListedOperation['api'], string>> = {
  'client-server': 'Client-server API',
  'server-server': 'Server-server API',
  'application-service': 'Application service API',
  'push-gateway': 'Push gateway API',
}

const introduction = `# The Matrix API

Every operation of the specification's API description, written from a run of all tests (\`npm run api-table\` after \`npm test\`).
A run of all tests fails when this table is not what it showed.

* **done**: a test called the operation of the application, and its successful answer is what the official description promises. Downloads
  without authentication (\`/_matrix/media/v3/\`) are frozen, as the specification wants: there it is the refusal.
* **not yet**: the server answers \`M_UNRECOGNIZED\` (\`inviteBy3PID\` shares the endpoint of \`inviteUser\`, which refuses its body).
`

/** The text of `docs/matrix-api.md` after such a run. */
export function apiTable({ judged }: RunRecord): string {
  const isDone = (operation: ListedOperation) => judged.has(nameOf(operation))
  const parts = [introduction, `${operations.filter(isDone).length} of ${operations.length} operations are done.\n`]
  for (const [api, heading] of Object.entries(headings)) {
    const rows = operations.filter((operation) => operation.api === api)
    parts.push(
      `## ${heading}: ${rows.filter(isDone).length} of ${rows.length}\n`,
      '| Operation | Method | Path | State |\n| --- | --- | --- | --- |',
      ...rows.map((row) => `| ${row.id} | ${row.method} | \`${row.path.trim()}\` | ${isDone(row) ? 'done' : 'not yet'} |`),
      '',
    )
  }
  return parts.join('\n')
}

/** Where a run of all tests leaves an operation between *done* and *not yet*: neither may be claimed. */
export function gapsOf({ judged, mounted }: RunRecord): string[] {
  if (!mounted) return ['no test said which operations the application serves']
  return [
    ...[...mounted].filter((name) => !judged.has(name)).map((name) => `${name} is served, but no test got a successful answer`),
    ...[...judged]
      .filter((name) => !mounted.has(name))
      .map((name) => `${name} was answered, but is not an endpoint of the application`),
  ]
}
