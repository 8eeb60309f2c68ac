// Writes docs/matrix-api.md from what the last run of all tests showed: `npm run api-table` after `npm test`.
import { writeFileSync } from 'node:fs'
import { apiTable } from '../test/support/api-table.ts'
import { keptRecord } from '../test/support/run-record.ts'

const record = keptRecord()
if (!record) {
  process.stderr.write('No run of all tests is known: npm test comes first.\n')
  process.exit(1)
}
writeFileSync('docs/matrix-api.md', apiTable(record))
