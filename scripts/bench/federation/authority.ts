import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate authority that all servers of a run trust, made with the openssl command. */
export interface Authority {
  /** PEM file. */
  readonly caFile: string
  /** A certificate for IP addresses. */
  issue(addresses: readonly string[]): {
    readonly certFile: string
    readonly keyFile: string
    readonly cert: string
    readonly key: string
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

export function createAuthority(directory: string): Authority {
  mkdirSync(directory, { recursive: true })
  const file = (name: string) => join(directory, name)
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  openssl(['-x509', ...newKey, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=Bench', ...usage])
  let count = 0
  return {
    caFile: file('ca.pem'),
    issue(addresses) {
      count += 1
      const [certFile, keyFile] = [file(`${count}.pem`), file(`${count}.key`)]
      const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')]
      const names = `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}`
      const extensions = ['-addext', names, '-addext', 'basicConstraints=critical,CA:FALSE']
      openssl(['-x509', ...by, ...newKey, '-keyout', keyFile, '-out', certFile, '-subj', `/CN=bench ${count}`, ...extensions])
      return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
    },
  }
}

function openssl(words: readonly string[]): void {
  execFileSync('openssl', ['req', ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
}
