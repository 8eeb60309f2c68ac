import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { writeFileDurably } from '../durable-file.ts'
import { BackupProblem } from './problems.ts'
import type { RepositoryAccess } from './restic.ts'

/** Where the backup goes. */
export interface BackupTarget {
  /** As restic writes it: an absolute directory, `sftp:user@host:/path`, `s3:https://host/bucket/path`, `rest:https://…`. */
  readonly repository: string
  readonly passphrase: string
  /** Such as `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. */
  readonly environment?: Readonly<Record<string, string>>
}

/** What a program that makes backups may find of this process's environment. */
const passedOn = /^(PATH|HOME|TMPDIR|LANG|SSH_AUTH_SOCK|AWS_\w+|HTTPS?_PROXY|https?_proxy|NO_PROXY|no_proxy|SSL_CERT_\w+)$/
const mayBeSet = /^(AWS|B2|AZURE|GOOGLE|OS|ST)_[A-Z0-9_]+$|^RESTIC_REST_(USERNAME|PASSWORD)$/
/** Shorter ones can be guessed by whoever holds a copy of the repository. */
const leastPassphrase = 12

/** All about the backup in the data directory; none of it goes into the backup, which would then open itself. */
export const backupDirectory = (dataDirectory: string) => join(dataDirectory, 'backup')
const filesIn = (directory: string) => ({
  repository: join(directory, 'repository'),
  passphrase: join(directory, 'passphrase'),
  environment: join(directory, 'environment.json'),
})

/** What is wrong with a target, in a sentence; undefined: nothing that could be seen from here. */
export function targetProblem(
  { repository, passphrase, environment = {} }: BackupTarget,
  dataDirectory: string,
): string | undefined {
  if (/[\r\n\0]/.test(repository) || repository.length > 1000) return 'This is no place for a backup.'
  if (/[\r\n\0]/.test(passphrase)) return 'The passphrase must be one line.'
  if (passphrase.length < leastPassphrase) return `The passphrase must have at least ${leastPassphrase} characters.`
  const odd = Object.entries(environment).find(([name, value]) => !mayBeSet.test(name) || /[\r\n\0]/.test(value))
  if (odd) return `${odd[0]} cannot be set for a backup.`
  if (repository.startsWith('sftp:')) return sftpPlace(repository) ? undefined : 'It must be sftp:USER@HOST:/PATH.'
  if (/^(s3|rest|b2|azure|gs|swift):/.test(repository)) return undefined
  if (!isAbsolute(repository))
    return 'It must be a directory such as /media/usb/hausbote, sftp:USER@HOST:/PATH or s3:https://HOST/BUCKET.'
  const path = relative(resolve(dataDirectory), resolve(repository))
  return path.startsWith('..') ? undefined : 'A backup inside the data directory would be lost together with it.'
}

/** Keeps in `directory` where the backup goes, for the server's own eyes. */
export function saveTarget(directory: string, target: BackupTarget): void {
  const { repository, passphrase, environment } = filesIn(directory)
  makePrivateDirectory(directory)
  // The name comes last: a target without its secrets is none.
  rmSync(repository, { force: true })
  writeFileDurably(passphrase, `${target.passphrase}\n`)
  writeFileDurably(environment, JSON.stringify(target.environment ?? {}))
  writeFileDurably(repository, `${target.repository}\n`)
}

export function makePrivateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
}

/** This process's environment, as far as restic may see it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** How to reach the repository that was saved in `directory`; undefined: none was. Throws a `BackupProblem`, `bad-target`. */
export function savedAccess(directory: string, environment: Environment): RepositoryAccess | undefined {
  const saved = filesIn(directory)
  if (!existsSync(saved.repository)) return undefined
  checkPrivate(saved.passphrase)
  const own = JSON.parse(readFileSync(saved.environment, 'utf8')) as Record<string, string>
  return {
    repository: readFileSync(saved.repository, 'utf8').trim(),
    repositoryFile: saved.repository,
    passphraseFile: saved.passphrase,
    cacheDirectory: join(directory, 'cache'),
    sshDirectory: directory,
    environment: { ...inherited(environment), ...own },
  }
}

/** What the settings name instead of a saved target. */
export interface ConfiguredTarget {
  readonly repository: string | undefined
  /** A file that only its owner may read. */
  readonly passphraseFile: string | undefined
}

/** How to reach the repository that the settings name; undefined: they name none. Throws a `BackupProblem`, `bad-target`. */
export function configuredAccess(
  directory: string,
  { repository, passphraseFile }: ConfiguredTarget,
  environment: Environment,
): RepositoryAccess | undefined {
  if (repository === undefined || passphraseFile === undefined) return undefined
  checkPrivate(passphraseFile)
  makePrivateDirectory(directory)
  const repositoryFile = join(directory, 'repository.configured')
  writeFileDurably(repositoryFile, `${repository}\n`)
  return {
    repository,
    repositoryFile,
    passphraseFile,
    cacheDirectory: join(directory, 'cache'),
    sshDirectory: directory,
    environment: inherited(environment),
  }
}

function inherited(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => passedOn.test(entry[0]) && entry[1] !== undefined),
  )
}

/** Throws a `BackupProblem`, `bad-target`. */
export function checkPrivate(file: string): void {
  if (!existsSync(file)) throw new BackupProblem('bad-target', `There is no file ${file} with the passphrase of the backup.`)
  if ((statSync(file).mode & 0o077) !== 0)
    throw new BackupProblem('bad-target', `${file} holds the passphrase of the backup and can be read by others: chmod 600 it.`)
}

/** Without secrets: for pages and reports. */
export function repositoryName(repository: string): string {
  return repository.replace(/\/\/[^/@]*@/, '//')
}

interface SftpPlace {
  readonly destination: string
  readonly port: string | undefined
}

function sftpPlace(repository: string): SftpPlace | undefined {
  const url = /^sftp:\/\/((?:[\w.-]+@)?[A-Za-z0-9][\w.-]*|(?:[\w.-]+@)?\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?\/.+$/.exec(repository)
  const plain = /^sftp:((?:[\w.-]+@)?[A-Za-z0-9][\w.-]*):.+$/.exec(repository)
  const destination = url?.[1] ?? plain?.[1]
  return destination === undefined || destination.startsWith('-') ? undefined : { destination, port: url?.[2] }
}

/** How restic is to call `ssh`: without questions that nobody would answer, with the key of the backup's directory if there is one. */
export function sftpCommand(repository: string, directory: string): string | undefined {
  const place = sftpPlace(repository)
  if (!place) return undefined
  const key = join(directory, 'ssh.key')
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=accept-new', `UserKnownHostsFile=${join(directory, 'known_hosts')}`]
  const words = ['ssh', ...options.flatMap((option) => ['-o', option]), ...(place.port ? ['-p', place.port] : [])]
  if (existsSync(key)) words.push('-i', key)
  return [...words, place.destination, '-s', 'sftp'].map((word) => (/[^\w@%+=:,./-]/.test(word) ? `'${word}'` : word)).join(' ')
}
