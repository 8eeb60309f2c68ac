import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Certificate } from './listener.ts'

/** PEM files. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

export function readCertificate({ certificate, key }: CertificateFiles): Certificate {
  return { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
}

export interface CertificateWatchDeps {
  readonly files: CertificateFiles
  /** In use now. */
  readonly current: Certificate
  readonly timers: Timers
  readonly log: Log
  /** Puts another one into use; throws if that cannot be done. */
  use(certificate: Certificate): void
}

/** Certificates are renewed weeks before they expire. */
const interval: Milliseconds = 60_000

/**
 * Has a renewed certificate put into use within a minute. It looks at what the files hold, since they are often links whose targets
 * are exchanged. What cannot be used, such as a new certificate whose key is still to come, is left, and looked at again. The result ends it.
 */
export function watchCertificate({ files, current, timers, log, use }: CertificateWatchDeps): () => void {
  let used = current
  let complained = ''
  let ended = false
  let cancel = timers.after(interval, look)

  function look(): void {
    void exchange().finally(() => {
      if (!ended) cancel = timers.after(interval, look)
    })
  }

  async function exchange(): Promise<void> {
    try {
      const [cert, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')])
      if (ended || (cert === used.cert && key === used.key)) return
      use({ cert, key })
      used = { cert, key }
      complained = ''
      log.info({ file: files.certificate }, 'the renewed certificate is in use')
    } catch (error) {
      const { message } = error as Error
      if (message !== complained)
        log.error({ file: files.certificate, problem: message }, 'the changed certificate cannot be used')
      complained = message
    }
  }

  return () => {
    ended = true
    cancel()
  }
}
