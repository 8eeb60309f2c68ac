import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** An archive of a folder in the one form that the kernel reads (cpio "newc"); the same folder gives the same bytes. */
export function cpioOf(folder: string): Buffer {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const parts = paths.flatMap((path, index) => entry(join(folder, path), path, index + 1))
  return Buffer.concat([...parts, ...record('TRAILER!!!', 0, 0, Buffer.alloc(0))])
}

function entry(file: string, path: string, inode: number): Buffer[] {
  const status = lstatSync(file)
  if (status.isDirectory()) return record(path, inode, 0o040755, Buffer.alloc(0))
  if (status.isSymbolicLink()) return record(path, inode, 0o120777, Buffer.from(readlinkSync(file)))
  return record(path, inode, 0o100000 | (status.mode & 0o755), readFileSync(file))
}

function record(path: string, inode: number, mode: number, content: Buffer): Buffer[] {
  const name = Buffer.from(`${path}\0`)
  // Owner and group are root, the time is the beginning of time, and there are no devices.
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return [padded(Buffer.concat([header, name])), padded(content)]
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}
