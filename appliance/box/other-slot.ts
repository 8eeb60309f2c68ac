import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Slot } from './install-update.ts'

/** Types of root partitions, by the specification of discoverable partitions: x86-64 and arm64. */
const rootTypes = new Set(['4f68bce3-e8cd-4db1-96e7-fbcaf984b709', 'b921b045-1df0-41c3-af44-4c6f280d3fae'])

/** The root partition on the disk of the running system that does not run. */
export function otherSlot(): Slot {
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[4] === '/')
  const running = realpathSync(`/sys/dev/block/${mount?.split(' ')[2]}`)
  const disk = `/dev/${basename(dirname(running))}`
  const table = JSON.parse(execFileSync('/usr/sbin/sfdisk', ['--json', disk], { encoding: 'utf8' })) as {
    partitiontable: { partitions: { node: string; type: string }[] }
  }
  const slots = table.partitiontable.partitions.filter(({ type }) => rootTypes.has(type.toLowerCase()))
  const other = slots.find(({ node }) => basename(node) !== basename(running))
  if (!other) throw new Error('this disk has no second half for updates')
  const number = readFileSync(join('/sys/class/block', basename(other.node), 'partition'), 'utf8').trim()
  const bytes = Number(readFileSync(join('/sys/class/block', basename(other.node), 'size'), 'utf8')) * 512
  return {
    path: other.node,
    bytes,
    label(name) {
      // The disk is in use, as it must be; only a name changes.
      execFileSync('/usr/sbin/sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', '--part-label', disk, number, name])
      execFileSync('/usr/bin/sync')
    },
  }
}
