import type { Arch } from '../../scripts/bundle/packages.ts'

export interface Architecture {
  readonly node: Arch
  readonly debian: string
  /** Debian's package of the kernel. */
  readonly kernel: string
  /** As UEFI names it in file names. */
  readonly efi: string
  /** As the GPT type of a root partition is called in definitions of systemd-repart. */
  readonly rootType: string
  readonly serialConsole: string
}

export const architectures: Readonly<Record<Arch, Architecture>> = {
  x64: {
    node: 'x64',
    debian: 'amd64',
    kernel: 'linux-image-amd64',
    efi: 'x64',
    rootType: 'root-x86-64',
    serialConsole: 'ttyS0,115200',
  },
  arm64: {
    node: 'arm64',
    debian: 'arm64',
    kernel: 'linux-image-arm64',
    efi: 'aa64',
    rootType: 'root-arm64',
    serialConsole: 'ttyAMA0,115200',
  },
}
