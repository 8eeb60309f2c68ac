import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ask, run, say } from './run.ts'

/** Debian's release that the image is made of, and whose tools make it. */
export const suite = 'trixie'

const packages = [
  'cryptsetup-bin',
  'dosfstools',
  'erofs-utils',
  'kmod',
  'mtools',
  'systemd',
  'systemd-boot-efi',
  'systemd-repart',
  'systemd-ukify',
]

/**
 * Programs of the image's own Debian release, in a folder that is entered with chroot, so that the machine that builds may have another
 * release. What they work on lies in the folder `work` inside it: no disk has to be mounted.
 */
export interface Tools {
  readonly work: string
  /** Runs a program inside; paths in `words` are seen from there, with `/work` for the folder of the work. */
  run(program: string, words: readonly string[], environment?: Readonly<Record<string, string>>): void
}

export function createTools(build: string): Tools {
  const key = createHash('sha256').update(packages.join()).digest('hex').slice(0, 12)
  const root = join(build, `tools-${key}`)
  if (!existsSync(root)) {
    say(`tools of ${suite}`)
    const partial = `${root}.partial`
    rmSync(partial, { recursive: true, force: true })
    const words = ['--mode=root', '--variant=minbase', '--quiet', `--include=${packages.join()}`, suite, partial]
    run('mmdebstrap', words)
    renameSync(partial, root)
  }
  const work = join(root, 'work')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work)
  // systemd's tools want to see `/proc`, in a view of the mounts that ends with the program.
  const inside = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
  return {
    work,
    run: (program, words, environment) => run('unshare', ['--mount', 'sh', '-c', inside, root, program, ...words], environment),
  }
}

/** Throws, naming all that is missing on the machine. */
export function requirePrograms(): void {
  const missing = ['mmdebstrap', 'unshare', 'chroot', 'zstd', 'xz', 'dpkg-deb'].filter((program) => {
    try {
      ask('which', [program])
      return false
    } catch {
      return true
    }
  })
  if (missing.length > 0)
    throw new Error(`Programs are missing: ${missing.join(', ')}. appliance/README.md names their packages.`)
  if (process.getuid?.() !== 0) throw new Error('The image is built by root: its files belong to several users.')
}
