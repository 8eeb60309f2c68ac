import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Milliseconds } from '../../platform/clock.ts'

/** What a certificate says, and for how long it does. */
export interface CertificateFacts {
  /** DNS names. */
  readonly names: readonly string[]
  /** Name of the authority. */
  readonly issuer: string
  readonly selfSigned: boolean
  /** Since the epoch. */
  readonly notBefore: Milliseconds
  readonly notAfter: Milliseconds
}

/** Files of the certificate that this server got for itself. The key stays the same when the certificate is renewed, so that one file changes at once. */
export function certificateFiles(dataDirectory: string) {
  const directory = join(dataDirectory, 'certificates')
  return {
    directory,
    /** Of the account with the authority. */
    accountKey: join(directory, 'account.key'),
    /** Which authority that is, and what it calls the account. */
    account: join(directory, 'account.json'),
    certificate: join(directory, 'tls.crt'),
    key: join(directory, 'tls.key'),
    /** For which names, and how they are proved. */
    request: join(directory, 'request.json'),
    /** An order that waits for records in the DNS. */
    order: join(directory, 'order.json'),
  }
}

/** Undefined: there is no such file. Throws if it is no certificate. */
export function readCertificate(file: string): CertificateFacts | undefined {
  return existsSync(file) ? factsOf(readFileSync(file, 'utf8')) : undefined
}

/** Of the first certificate of a chain in PEM. */
export function factsOf(pem: string): CertificateFacts {
  const certificate = new X509Certificate(pem)
  const names = [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map((match) => match[1] ?? '')
  const issuer = /(?:^|\n)CN=([^\n]*)/.exec(certificate.issuer)?.[1] ?? certificate.issuer
  return {
    names,
    issuer,
    selfSigned: certificate.checkIssued(certificate),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  }
}

/** Whether less than a third of its life is left, which is when authorities want it renewed. */
export function isDue({ notBefore, notAfter }: CertificateFacts, now: Milliseconds): boolean {
  return notAfter - now < (notAfter - notBefore) / 3
}
