// What the kernel says about processes, the machine and files (Linux).

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ticksPerSecond = 100

/**
 * Memory and CPU of processes and all their descendants.
 * `pssBytes` counts pages shared by several of them once: the fair figure for a database with shared buffers. But pages shared with strangers
 * count in part only, which flatters a server that runs on the same program as this generator; `aloneBytes` is what it would use on a machine
 * of its own, if all that its children share with others they share with the given processes.
 */
export function processFacts(pids) {
  const { members, sum } = familyOf(pids)
  return {
    processes: members.length,
    rssBytes: sum(({ pid }) => kilobytes(`/proc/${pid}/status`, 'VmRSS')),
    pssBytes: sum(({ pid }) => kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss')),
    aloneBytes: sum(({ pid }) =>
      pids.includes(pid)
        ? kilobytes(`/proc/${pid}/status`, 'VmRSS')
        : kilobytes(`/proc/${pid}/smaps_rollup`, 'Private_Clean') + kilobytes(`/proc/${pid}/smaps_rollup`, 'Private_Dirty'),
    ),
    cpuSeconds: sum(({ ticks }) => ticks) / ticksPerSecond,
  }
}

/** CPU alone, which disturbs the processes less than asking for their memory. */
export const cpuSeconds = (pids) => familyOf(pids).sum(({ ticks }) => ticks) / ticksPerSecond

function familyOf(pids) {
  const all = numeric(readdirSync('/proc')).flatMap((pid) => statOf(pid) ?? [])
  const family = new Set(pids)
  for (let size = 0; size !== family.size; ) {
    size = family.size
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid)
  }
  const members = all.filter(({ pid }) => family.has(pid))
  return { members, sum: (value) => members.reduce((total, member) => total + value(member), 0) }
}

/** Busy CPU seconds of the whole machine since boot. */
export function machineBusySeconds() {
  const [user, nice, system, , , irq, softirq, steal] = /^cpu +(.*)/
    .exec(readFileSync('/proc/stat', 'utf8'))[1]
    .split(' ')
    .map(Number)
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond
}

/**
 * Bytes of a database: a folder with everything below it, or an SQLite file with its companions.
 * `log` is the part that is a write-ahead log, whose size follows no single message.
 */
export function databaseBytes(paths) {
  const total = { bytes: 0, log: 0 }
  for (const path of paths) {
    const files = statSync(path).isDirectory() ? below(path) : [path, `${path}-wal`, `${path}-shm`]
    for (const file of files) {
      const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
      total[/-wal$|-shm$|\/pg_wal\//.test(file) ? 'log' : 'bytes'] += size
    }
  }
  return total
}

const below = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? below(join(dir, entry.name)) : [join(dir, entry.name)],
  )

const numeric = (names) => names.filter((name) => /^\d+$/.test(name)).map(Number)

/** Parent and CPU ticks, those of descendants that ended and were waited for included. */
function statOf(pid) {
  const text = readIfThere(`/proc/${pid}/stat`)
  if (!text) return undefined
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { pid, parent: Number(fields[1]), ticks: fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) }
}

function kilobytes(file, key) {
  const value = new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readIfThere(file) ?? '')
  return value ? Number(value[1]) * 1024 : 0
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined // the process has just ended, or belongs to somebody else
  }
}
