import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findUpdate, installUpdate, type Target } from '../../appliance/box/install-update.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')

interface Box {
  readonly target: Target
  readonly folder: string
  readonly kernels: string
  readonly slot: string
  readonly labels: string[]
  /** Puts an update into the folder as the build does. */
  offer(version: string, options?: { architecture?: string; key?: typeof privateKey }): void
}

function box(state: Target['state'] = { failed: {} }): Box {
  const root = mkdtempSync(join(tmpdir(), 'hausbote-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const [folder, kernels, keys, slot] = ['stick', 'kernels', 'keys', 'slot'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ]
  for (const path of [folder, kernels, keys]) mkdirSync(path)
  writeFileSync(join(keys, 'trusted.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(join(kernels, 'hausbote_1.0.0.efi'), 'kernel that runs')
  writeFileSync(join(kernels, 'hausbote_0.9.0.efi'), 'kernel of the other slot')
  writeFileSync(slot, Buffer.alloc(100_000))
  const labels: string[] = []
  const target: Target = {
    version: '1.0.0',
    architecture: 'x64',
    keys,
    kernels,
    state,
    slot: { path: slot, bytes: 100_000, label: (name) => labels.push(name) },
  }
  return {
    target,
    folder,
    kernels,
    slot,
    labels,
    offer(version, { architecture = 'x64', key = privateKey } = {}) {
      const name = `hausbote_${version}_${architecture}`
      const part = (end: string, content: Buffer) => {
        writeFileSync(join(folder, `${name}.${end}`), content)
        return { file: `${name}.${end}`, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
      }
      const root = part('root', Buffer.alloc(70_000, `root ${version}`))
      const kernel = part('efi', Buffer.from(`kernel ${version}`))
      const text = JSON.stringify({ format: 1, product: 'hausbote', version, architecture, root, kernel })
      writeFileSync(join(folder, `${name}.update.json`), text)
      writeFileSync(join(folder, `${name}.update.json.sig`), sign(null, Buffer.from(text), key))
    },
  }
}

function install({ folder, target }: Box): void {
  const found = findUpdate(folder, target)
  if ('refused' in found) throw new Error(found.refused)
  installUpdate(folder, found.update, target)
}

test('the newest update is written to the other slot, named, and its kernel has three tries', () => {
  const a = box()
  a.offer('1.1.0')
  a.offer('1.10.0')
  install(a)
  expect(readdirSync(a.kernels).sort()).toEqual(['hausbote_1.0.0.efi', 'hausbote_1.10.0+3.efi'])
  expect(readFileSync(join(a.kernels, 'hausbote_1.10.0+3.efi'), 'utf8')).toBe('kernel 1.10.0')
  expect(readFileSync(a.slot).subarray(0, 70_000)).toEqual(Buffer.alloc(70_000, 'root 1.10.0'))
  expect(a.labels).toEqual(['_empty', 'hausbote_1.10.0'])
})

test.each([
  ['nothing is there', () => undefined, 'There is no update.'],
  ['a stranger signed it', (a: Box) => a.offer('1.1.0', { key: stranger.privateKey }), /^The signature of the update is wrong/],
  [
    'nobody signed it',
    (a: Box) => {
      a.offer('1.1.0')
      rmSync(join(a.folder, 'hausbote_1.1.0_x64.update.json.sig'))
    },
    /has no signature/,
  ],
  ['it is older', (a: Box) => a.offer('0.9.9'), 'Version 0.9.9 is not newer than 1.0.0, which runs.'],
  ['it is the same', (a: Box) => a.offer('1.0.0'), /is not newer/],
  ['it is for another machine', (a: Box) => a.offer('1.1.0', { architecture: 'arm64' }), /for other machines/],
  [
    'the description was changed',
    (a: Box) => {
      a.offer('1.1.0')
      const file = join(a.folder, 'hausbote_1.1.0_x64.update.json')
      writeFileSync(file, readFileSync(file, 'utf8').replace('1.1.0', '1.2.0'))
    },
    /^The signature of the update is wrong/,
  ],
  [
    'a file is cut short',
    (a: Box) => {
      a.offer('1.1.0')
      truncateSync(join(a.folder, 'hausbote_1.1.0_x64.root'), 5)
    },
    'The update is incomplete: hausbote_1.1.0_x64.root is cut short.',
  ],
  [
    'a file is missing',
    (a: Box) => {
      a.offer('1.1.0')
      rmSync(join(a.folder, 'hausbote_1.1.0_x64.efi'))
    },
    /hausbote_1\.1\.0_x64\.efi is missing/,
  ],
])('refused, and nothing touched, when %s', (_, prepare, words) => {
  const a = box()
  prepare(a)
  expect(findUpdate(a.folder, a.target)).toEqual({ refused: words instanceof RegExp ? expect.stringMatching(words) : words })
  expect([readdirSync(a.kernels).sort(), a.labels]).toEqual([['hausbote_0.9.0.efi', 'hausbote_1.0.0.efi'], []])
})

test('a signed description under the name of another version or machine does not help', () => {
  const a = box()
  a.offer('0.5.0')
  for (const end of ['update.json', 'update.json.sig'])
    writeFileSync(join(a.folder, `hausbote_2.0.0_x64.${end}`), readFileSync(join(a.folder, `hausbote_0.5.0_x64.${end}`)))
  expect(findUpdate(a.folder, a.target)).toEqual({ refused: expect.stringContaining('0.5.0 is not newer') })
})

test('a version that failed, that waits, or that does not fit is refused; and so is any while one is on trial', () => {
  const failed = box({ failed: { '1.1.0': 'it did not start three times' } })
  failed.offer('1.1.0')
  expect(findUpdate(failed.folder, failed.target)).toEqual({
    refused: 'Version 1.1.0 was tried before and given up: it did not start three times.',
  })
  const waiting = box({ failed: {}, pending: { version: '1.1.0', from: '1.0.0' } })
  waiting.offer('1.1.0')
  expect(findUpdate(waiting.folder, waiting.target)).toEqual({ refused: expect.stringContaining('waits for the next start') })
  const small = box()
  small.offer('1.1.0')
  const tight = { ...small.target, slot: { ...small.target.slot, bytes: 60_000 } }
  expect(findUpdate(small.folder, tight)).toEqual({ refused: 'Version 1.1.0 does not fit on this disk.' })
  const trial = box()
  trial.offer('1.1.0')
  writeFileSync(join(trial.kernels, 'hausbote_1.0.0+2-1.efi'), 'kernel')
  expect(findUpdate(trial.folder, trial.target)).toEqual({ refused: 'Version 1.0.0 is still on trial.' })
})

test('content that does not fit its sum is found while it is written, and gets no name', () => {
  const a = box()
  a.offer('1.1.0')
  writeFileSync(join(a.folder, 'hausbote_1.1.0_x64.root'), Buffer.alloc(70_000, 'evil'))
  expect(() => install(a)).toThrow('hausbote_1.1.0_x64.root is damaged')
  expect([readdirSync(a.kernels), a.labels]).toEqual([['hausbote_1.0.0.efi'], ['_empty']])
  const b = box()
  b.offer('1.1.0')
  writeFileSync(join(b.folder, 'hausbote_1.1.0_x64.efi'), 'kernel 1.1.1')
  expect(() => install(b)).toThrow('hausbote_1.1.0_x64.efi is damaged')
  expect(readdirSync(b.kernels)).toEqual(['hausbote_1.0.0.efi'])
})

test('a power cut before any step leaves the version that runs, and the update can be installed again', () => {
  const steps: string[] = []
  const whole = box()
  whole.offer('1.1.0')
  install({ ...whole, target: { ...whole.target, step: (name) => steps.push(name) } })
  expect(steps).toHaveLength(8)
  for (const cut of steps.slice(0, -1)) {
    const a = box()
    a.offer('1.1.0')
    const step = (name: string) => {
      if (name === cut) throw new Error('power cut')
    }
    expect(() => install({ ...a, target: { ...a.target, step } })).toThrow('power cut')
    const names = readdirSync(a.kernels)
    expect([cut, names.includes('hausbote_1.0.0.efi'), names.some((name) => name.startsWith('hausbote_1.1.0'))]).toEqual([
      cut,
      true,
      false,
    ])
    install(a)
    expect(readdirSync(a.kernels).sort()).toEqual(['hausbote_1.0.0.efi', 'hausbote_1.1.0+3.efi'])
  }
})
