/** A kernel image on the boot partition; its name carries the count of its tries, which the boot loader keeps. */
export interface BootEntry {
  readonly file: string
  readonly version: string
  /** Undefined: the version is known to work. */
  readonly triesLeft: number | undefined
}

/** From the names of the files in `EFI/Linux`; others are left out. Source: systemd's Automatic Boot Assessment. */
export function bootEntries(files: readonly string[]): BootEntry[] {
  return files.flatMap((file) => {
    const [, version, left] = /^hausbote_(\d+\.\d+\.\d+)(?:\+(\d+)(?:-\d+)?)?\.efi$/.exec(file) ?? []
    if (version === undefined) return []
    return [{ file, version, triesLeft: left === undefined ? undefined : Number(left) }]
  })
}

/** Negative: `one` is older than `other`. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one.split('.').map(Number), other.split('.').map(Number)]
  for (const [index, part] of a.entries()) {
    const difference = part - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
