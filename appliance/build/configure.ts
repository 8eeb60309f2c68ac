import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tools } from './tools.ts'

/** What tells the image from any other Debian. */
export interface Identity {
  readonly version: string
  readonly architecture: string
}

/**
 * Does what the packages' own scripts would have done, and makes the machine a box: users, certificates, services, and nothing that is
 * not needed. `root` is `/work/root` for the tools.
 */
export function configureRoot(appliance: string, tools: Tools, root: string, identity: Identity, epoch: string): void {
  const write = (path: string, text: string, mode = 0o644) => {
    writeFileSync(join(root, path), text)
    chmodSync(join(root, path), mode)
  }
  const master = (name: string) => readFileSync(join(root, 'usr/share/base-passwd', `${name}.master`), 'utf8')
  // Nobody logs in: no user has a password, and only the technician, who needs a key that a box does not have, has a shell.
  write(
    'etc/passwd',
    `${master('passwd').replace(/:[^:\n]*$/gm, ':/usr/sbin/nologin')}technician:x:0:0::/run/technician:/usr/bin/sh\n`,
  )
  write('etc/group', master('group'))
  rmSync(join(root, 'etc/shadow'), { force: true })
  rmSync(join(root, 'etc/gshadow'), { force: true })
  cpSync(join(appliance, 'overlay'), root, { recursive: true })
  tools.run('systemd-sysusers', ['--root=/work/root'], { SOURCE_DATE_EPOCH: epoch })
  writeShadow(root, write)

  const osRelease = [
    'ID=hausbote',
    'ID_LIKE=debian',
    'NAME=Hausbote',
    `PRETTY_NAME="Hausbote ${identity.version}"`,
    `VERSION_ID=${identity.version}`,
    'IMAGE_ID=hausbote',
    `IMAGE_VERSION=${identity.version}`,
    `HAUSBOTE_ARCHITECTURE=${identity.architecture}`,
  ]
  write('usr/lib/os-release', `${osRelease.join('\n')}\n`)
  write('etc/hostname', 'hausbote\n')
  write('etc/hosts', '127.0.0.1 localhost\n127.0.1.1 hausbote\n::1 localhost ip6-localhost\n')
  write('etc/machine-id', 'uninitialized\n', 0o444)
  write('etc/debian_version', readFileSync(join(root, 'etc/debian_version'), 'utf8'))
  write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n')
  link(root, '../run/systemd/resolve/stub-resolv.conf', 'etc/resolv.conf')
  link(root, '../usr/share/zoneinfo/Europe/Berlin', 'etc/localtime')
  writeCertificates(root)
  for (const folder of ['efi', 'usb', 'var', 'etc/ssh']) mkdirSync(join(root, folder), { recursive: true })

  prune(root)
  tools.run('systemctl', ['--root=/work/root', 'preset-all', '--quiet'])
  tools.run('systemctl', ['--root=/work/root', 'set-default', '--quiet', 'multi-user.target'])
}

function link(root: string, to: string, path: string): void {
  rmSync(join(root, path), { force: true })
  symlinkSync(to, join(root, path))
}

function writeShadow(root: string, write: (path: string, text: string, mode: number) => void): void {
  const users = readFileSync(join(root, 'etc/passwd'), 'utf8').trim().split('\n')
  write('etc/shadow', users.map((line) => `${line.split(':')[0]}:!*:1::::::\n`).join(''), 0o640)
  const groups = readFileSync(join(root, 'etc/group'), 'utf8').trim().split('\n')
  write('etc/gshadow', groups.map((line) => `${line.split(':')[0]}:!*::\n`).join(''), 0o640)
}

function writeCertificates(root: string): void {
  const folder = join(root, 'usr/share/ca-certificates/mozilla')
  const files = readdirSync(folder).filter((file) => file.endsWith('.crt'))
  mkdirSync(join(root, 'etc/ssl/certs'), { recursive: true })
  const all = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim())
  writeFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), `${all.join('\n')}\n`)
}

/** Drivers of what no box has. */
const needlessDrivers = [
  'sound',
  'drivers/media',
  'drivers/infiniband',
  'drivers/staging',
  'drivers/isdn',
  'drivers/iio',
  'drivers/bluetooth',
  'drivers/net/wireless',
  'drivers/gpu/drm/amd',
  'drivers/gpu/drm/nouveau',
  'drivers/gpu/drm/radeon',
  'drivers/gpu/drm/xe',
  'net/bluetooth',
  'net/mac80211',
  'net/wireless',
  'fs/ocfs2',
  'fs/xfs',
  'fs/btrfs',
  'fs/gfs2',
  'fs/ceph',
  'fs/smb',
  'fs/nfs',
  'fs/nfsd',
]

/** Texts that nobody reads on a machine without a shell; licences stay. */
const needlessTexts = [
  'man',
  'info',
  'locale',
  'lintian',
  'bash-completion',
  'zsh',
  'perl5',
  'doc-base',
  'initramfs-tools',
  'bug',
]

function prune(root: string): void {
  const remove = (path: string) => rmSync(join(root, path), { recursive: true, force: true })
  for (const name of needlessTexts) remove(`usr/share/${name}`)
  const documents = readdirSync(join(root, 'usr/share/doc'), { recursive: true, encoding: 'utf8', withFileTypes: true })
  for (const { name, parentPath } of documents.filter((entry) => !entry.isDirectory()))
    if (name !== 'copyright') rmSync(join(parentPath, name), { force: true })
  const [release = ''] = readdirSync(join(root, 'usr/lib/modules'))
  for (const path of needlessDrivers) remove(`usr/lib/modules/${release}/kernel/${path}`)
  for (const path of [
    'usr/lib/systemd/boot',
    'boot',
    'usr/bin/busybox',
    'usr/share/ca-certificates',
    'usr/lib/perl-base',
    'usr/lib/systemd/system-generators/systemd-ssh-generator',
  ])
    remove(path)
  for (const path of ['etc/apt', 'etc/dpkg', 'etc/init.d', 'etc/cron.d', 'etc/logrotate.d', 'etc/fstab.orig', 'usr/games'])
    remove(path)
  for (const folder of ['var', 'tmp', 'run', 'dev', 'root', 'home', 'srv', 'mnt', 'opt', 'media']) remove(folder)
  for (const folder of ['boot', 'var', 'tmp', 'run', 'dev', 'proc', 'sys', 'root', 'home', 'srv', 'mnt', 'opt'])
    mkdirSync(join(root, folder), { recursive: true })
}
