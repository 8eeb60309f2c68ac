import { readFileSync } from 'node:fs'

/** Where things lie on a box. */
export const places = {
  updates: '/var/lib/hausbote-box/updates',
  kernels: '/efi/EFI/Linux',
  keys: '/usr/lib/hausbote/keys',
  copies: '/var/lib/hausbote-copies',
  database: '/var/lib/hausbote/hausbote.db',
  boot: '/efi',
  /** There while the machine runs: found at a start, the one before did not end in good order. */
  running: '/var/lib/hausbote-box/running',
} as const

/** Of the server, as user and as group. */
export const user = 900

/** Of the image that runs. */
export function release(): { readonly version: string; readonly architecture: string } {
  const text = readFileSync('/usr/lib/os-release', 'utf8')
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? ''
  return { version: value('VERSION_ID'), architecture: value('HAUSBOTE_ARCHITECTURE') }
}
