import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A certificate authority of a test, made with the openssl command. */
export interface TestAuthority {
  /** PEM file. */
  readonly caFile: string
  readonly ca: string
  /** A certificate for `DNS:name` or `IP:address`, comma-separated. */
  issue(names: string): { readonly certFile: string; readonly keyFile: string; readonly cert: string; readonly key: string }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

/** Its files go with the test. */
export function createAuthority(): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-certificates-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string) => join(directory, name)
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  openssl(['-x509', ...newKey, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=Test', ...usage])
  let count = 0
  return {
    caFile: file('ca.pem'),
    ca: readFileSync(file('ca.pem'), 'utf8'),
    issue(names) {
      count += 1
      const [certFile, keyFile] = [file(`${count}.pem`), file(`${count}.key`)]
      const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')]
      const extensions = ['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE']
      openssl(['-x509', ...by, ...newKey, '-keyout', keyFile, '-out', certFile, '-subj', `/CN=test ${count}`, ...extensions])
      return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
    },
  }
}

function openssl(words: readonly string[]): void {
  execFileSync('openssl', ['req', ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
}
