import { describe, expect, it } from 'vitest'
import { apiTable, gapsOf } from './api-table.ts'
import { operations } from './operations.ts'
import { mergeRecord } from './run-record.ts'

const versions = 'GET /_matrix/client/versions'
const sync = 'GET /_matrix/client/v3/sync'
const record = (...lines: object[]) => mergeRecord(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

describe('the table of operations', () => {
  it('lists all operations, and as done only what was judged', () => {
    const table = apiTable(record({ judged: versions }, { judged: versions }, { mounted: [versions] }))
    expect(table).toContain('| getVersions | GET | `/_matrix/client/versions` | done |')
    expect(table).toContain('| sync | GET | `/_matrix/client/v3/sync` | not yet |')
    expect(table).toContain(`1 of ${operations.length} operations are done.`)
    expect(table.match(/\| (done|not yet) \|/g)).toHaveLength(operations.length)
  })

  it('has no place for an operation that is served but not judged, or judged but not served', () => {
    expect(gapsOf(record({ judged: versions }, { mounted: [versions] }))).toEqual([])
    expect(gapsOf(record({ judged: versions }, { mounted: [versions, sync] }))).toEqual([
      expect.stringContaining(`${sync} is served`),
    ])
    expect(gapsOf(record({ judged: versions }, { judged: sync }, { mounted: [versions] }))).toEqual([
      expect.stringContaining(`${sync} was answered`),
    ])
    expect(gapsOf(record({ judged: versions }))).toHaveLength(1)
  })
})
