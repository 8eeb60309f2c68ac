import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Arch } from '../../scripts/bundle/packages.ts'

const gigabyte = 1024 ** 3

// A test that is stopped takes its machines along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

export interface MachineOptions {
  /** Where its disk, firmware memory and logs lie. */
  readonly folder: string
  readonly arch?: Arch
  /** Folder of a swtpm that listens; undefined: the machine has no TPM. */
  readonly tpm?: string
  /** More words for QEMU, such as a second disk. */
  readonly more?: readonly string[]
  readonly memory?: number
}

/** A machine in QEMU, off until it is started. Software emulation: `/dev/kvm` may be there and not work. */
export interface Machine {
  readonly disk: string
  readonly pid: number
  /** Everything that the serial console has shown since the last start. */
  console(): string
  /** The owner's page, seen from outside through the machine's own network card. */
  readonly page: string
  readonly client: string
  start(): Promise<void>
  /** The power cable is pulled (SIGKILL): the machine can finish nothing. */
  cutPower(): Promise<void>
  /** As the power button does it. */
  shutDown(): Promise<void>
  /** A picture of the screen, as PNG. */
  screenshot(file: string): Promise<void>
  /** Resolves with the match as soon as the console has shown it; rejects after `seconds` or when the machine ends. */
  shows(pattern: RegExp, seconds: number): Promise<RegExpExecArray>
  /** Resolves with the answer as soon as there is one of this status. */
  answers(url: string, seconds: number, status?: number): Promise<string>
  /** Connects or disconnects the network cable. */
  cable(plugged: boolean): Promise<void>
}

/** Unpacks a flash file to a disk of `bytes`, as a technician's tool writes it to a bigger disk. */
export function flash(image: string, disk: string, bytes = 6 * gigabyte): void {
  execFileSync('zstd', ['--decompress', '--sparse', '--force', '--quiet', image, '-o', disk])
  if (statSync(disk).size < bytes) truncateSync(disk, bytes)
}

export async function createMachine({ folder, arch = 'x64', tpm, more = [], memory = 1024 }: MachineOptions): Promise<Machine> {
  mkdirSync(folder, { recursive: true })
  const disk = join(folder, 'disk.img')
  const log = join(folder, 'console.log')
  const monitor = join(folder, 'monitor')
  const [pagePort, clientPort] = [await freePort(), await freePort()]
  let child: ChildProcess | undefined
  let ended: Promise<void> | undefined
  const consoleText = () => (existsSync(log) ? readFileSync(log, 'latin1') : '')

  async function wait<T>(what: string, seconds: number, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (const deadline = performance.now() + seconds * 1000; performance.now() < deadline; await pause(200)) {
      const found = await look()
      if (found !== undefined) return found
      if (child?.exitCode !== null || child.signalCode !== null)
        throw new Error(`the machine ended while this was awaited: ${what}\n${tail(consoleText())}`)
    }
    throw new Error(`not within ${seconds} s: ${what}\n${tail(consoleText())}`)
  }

  return {
    disk,
    page: `http://127.0.0.1:${pagePort}`,
    client: `http://127.0.0.1:${clientPort}`,
    console: consoleText,
    get pid() {
      return child?.pid ?? 0
    },
    async start() {
      rmSync(log, { force: true })
      const words = [
        ...firmware(arch, folder),
        ...['-accel', 'tcg,thread=multi', '-smp', '2', '-m', String(memory)],
        ...['-display', 'none'],
        ...['-serial', `file:${log}`, '-monitor', `unix:${monitor},server=on,wait=off`],
        ...['-drive', `file=${disk},if=none,id=disk,format=raw,cache=none,discard=unmap`, '-device', 'virtio-blk-pci,drive=disk'],
        ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${pagePort}-:8450,hostfwd=tcp:127.0.0.1:${clientPort}-:8008`],
        ...['-device', 'virtio-net-pci,netdev=net,id=card', '-device', 'virtio-rng-pci'],
        ...(tpm === undefined ? [] : tpmWords(tpm, arch)),
        ...more,
      ]
      const started = spawn(`qemu-system-${arch === 'x64' ? 'x86_64' : 'aarch64'}`, words, {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let said = ''
      started.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
      child = started
      const killChild = () => started.kill('SIGKILL')
      process.once('exit', killChild)
      ended = new Promise((done) => {
        started.on('close', () => {
          process.off('exit', killChild)
          done()
        })
      })
      await pause(500)
      if (started.exitCode !== null) throw new Error(`QEMU did not start: ${said}`)
    },
    async cutPower() {
      child?.kill('SIGKILL')
      await ended
    },
    async shutDown() {
      await tellMonitor(monitor, 'system_powerdown')
      await ended
    },
    async screenshot(file) {
      await tellMonitor(monitor, `screendump ${file} -f png`)
      await wait(`picture ${file}`, 10, () => (existsSync(file) && statSync(file).size > 0 ? true : undefined))
    },
    shows: (pattern, seconds) => wait(`the console shows ${pattern}`, seconds, () => pattern.exec(consoleText()) ?? undefined),
    answers: (url, seconds, status = 200) =>
      wait(`${url} answers ${status}`, seconds, async () => {
        const response = await fetch(url, { redirect: 'follow', signal: AbortSignal.timeout(20_000) }).catch(() => undefined)
        const text = await response?.text().catch(() => undefined)
        return response?.status === status ? text : undefined
      }),
    cable: (plugged) => tellMonitor(monitor, `set_link card ${plugged ? 'on' : 'off'}`),
  }
}

function tail(text: string): string {
  return `The console ended with:\n${text.slice(-3000)}`
}

/** UEFI, with a memory of its own for variables. */
function firmware(arch: Arch, folder: string): string[] {
  const [code, variables, machine] =
    arch === 'x64'
      ? [
          '/usr/share/OVMF/OVMF_CODE_4M.fd',
          '/usr/share/OVMF/OVMF_VARS_4M.fd',
          ['-machine', 'q35', '-device', 'i6300esb', '-vga', 'std'],
        ]
      : [
          '/usr/share/AAVMF/AAVMF_CODE.fd',
          '/usr/share/AAVMF/AAVMF_VARS.fd',
          ['-machine', 'virt', '-cpu', 'cortex-a72', '-device', 'ramfb'],
        ]
  const own = join(folder, 'variables.fd')
  if (!existsSync(own)) copyFileSync(variables, own)
  const flashes = [
    '-drive',
    `if=pflash,format=raw,unit=0,readonly=on,file=${code}`,
    '-drive',
    `if=pflash,format=raw,unit=1,file=${own}`,
  ]
  return [...machine, ...flashes]
}

function tpmWords(socket: string, arch: Arch): string[] {
  const device = arch === 'x64' ? 'tpm-crb,tpmdev=tpm' : 'tpm-tis-device,tpmdev=tpm'
  return ['-chardev', `socket,id=tpmsocket,path=${socket}`, '-tpmdev', 'emulator,id=tpm,chardev=tpmsocket', '-device', device]
}

function tellMonitor(socket: string, line: string): Promise<void> {
  return new Promise((done, failed) => {
    const connection = createConnection(socket)
    let said = ''
    connection.setEncoding('utf8').on('data', (text: string) => {
      said += text
      // The first prompt, and the one after the command.
      if (said.split('(qemu)').length === 2) connection.write(`${line}\n`)
      else if (said.split('(qemu)').length > 2) connection.end()
    })
    connection.on('error', failed)
    connection.on('close', () => done())
  })
}

/** A port of the loopback that is free at the moment. */
function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address && typeof address === 'object' ? done(address.port) : failed(new Error('no port is free'))))
    })
  })
}
