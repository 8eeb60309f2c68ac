import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from './architectures.ts'
import { say } from './run.ts'
import type { Tools } from './tools.ts'

export interface DiskTask {
  readonly appliance: string
  readonly tools: Tools
  readonly architecture: Architecture
  readonly version: string
  readonly name: string
  readonly epoch: string
  readonly release: string
}

export interface DiskFiles {
  readonly root: string
  readonly kernel: string
  readonly disk: string
}

/** Of a slot, and what `overlay/usr/lib/hausbote/repart` says. */
const slotBytes = 1024 ** 3

/** The root file system, the kernel image that finds it, and the disk of both. */
export function buildDisk({ appliance, tools, architecture, version, name, epoch, release }: DiskTask): DiskFiles {
  const { work } = tools
  const environment = { SOURCE_DATE_EPOCH: epoch }
  const uuid = numberOf(name)
  say('read-only file system')
  const packing = ['-zlz4hc,9', '-C65536', `-T${epoch}`, '--all-root', `-U${uuid}`, '--quiet']
  tools.run('mkfs.erofs', [...packing, '/work/root.erofs', '/work/root'], environment)
  const { size } = statSync(join(work, 'root.erofs'))
  if (size > slotBytes) throw new Error(`the root file system has ${size} bytes, more than its slot`)

  say('kernel image')
  const commandLine = [
    `root=PARTLABEL=hausbote_${version}`,
    'ro',
    'panic=10',
    'oops=panic',
    'console=tty0',
    `console=${architecture.serialConsole}`,
    'loglevel=4',
    'systemd.gpt_auto=no',
    'systemd.show_status=no',
    'rd.udev.log_level=3',
    'hardened_usercopy=1',
    'init_on_alloc=1',
    'slab_nomerge',
    'vsyscall=none',
  ]
  const parts = ['--linux=/work/vmlinuz', '--initrd=/work/initrd.img', '--stub=/work/stub.efi', `--uname=${release}`]
  const words = [...parts, `--efi-arch=${architecture.efi}`, `--cmdline=${commandLine.join(' ')}`]
  const osRelease = '--os-release=@/work/root/usr/lib/os-release'
  tools.run('ukify', ['build', ...words, osRelease, '--output=/work/kernel.efi'], environment)

  say('disk')
  const esp = join(work, 'esp')
  for (const folder of ['EFI/BOOT', 'EFI/Linux', 'EFI/systemd', 'loader']) mkdirSync(join(esp, folder), { recursive: true })
  cpSync(join(work, 'loader.efi'), join(esp, `EFI/BOOT/BOOT${architecture.efi.toUpperCase()}.EFI`))
  cpSync(join(work, 'kernel.efi'), join(esp, `EFI/Linux/hausbote_${version}.efi`))
  writeFileSync(join(esp, 'loader/loader.conf'), 'timeout 0\neditor no\nconsole-mode keep\n')
  cpSync(join(appliance, 'esp'), esp, { recursive: true })
  // The dates of files get into the file system.
  for (const path of ['.', ...readdirSync(esp, { recursive: true, encoding: 'utf8' })])
    utimesSync(join(esp, path), Number(epoch), Number(epoch))
  writeDefinitions(join(work, 'definitions'), architecture, version, uuid)
  tools.run(
    'systemd-repart',
    [
      '--empty=create',
      '--size=auto',
      '--dry-run=no',
      '--offline=yes',
      `--architecture=${architecture.debian === 'amd64' ? 'x86-64' : 'arm64'}`,
      '--definitions=/work/definitions',
      `--seed=${uuid}`,
      '--no-pager',
      '/work/disk.img',
    ],
    environment,
  )
  return { root: join(work, 'root.erofs'), kernel: join(work, 'kernel.efi'), disk: join(work, 'disk.img') }
}

function writeDefinitions(folder: string, architecture: Architecture, version: string, uuid: string): void {
  mkdirSync(folder)
  const definitions = {
    '10-esp': { Type: 'esp', Label: 'esp', Format: 'vfat', SizeMinBytes: '512M', SizeMaxBytes: '512M', CopyFiles: '/work/esp:/' },
    '20-root': {
      Type: architecture.rootType,
      Label: `hausbote_${version}`,
      CopyBlocks: '/work/root.erofs',
      UUID: uuid,
      SizeMinBytes: '1G',
      SizeMaxBytes: '1G',
    },
  }
  for (const [file, entries] of Object.entries(definitions)) {
    const lines = Object.entries(entries).map(([name, value]) => `${name}=${value}`)
    writeFileSync(join(folder, `${file}.conf`), `[Partition]\n${lines.join('\n')}\n`)
  }
}

/** A UUID that belongs to a text. */
function numberOf(text: string): string {
  const bytes = createHash('sha256').update(`hausbote image ${text}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
