/** What is looked at, in the order in which it is shown: what comes first is often the reason for what follows. */
export type CheckId =
  | 'dns'
  | 'ipv6'
  | 'address-translation'
  | 'srv'
  | 'well-known-server'
  | 'federation'
  | 'well-known-client'
  | 'client'
  | 'certificate'
  | 'clock'
  | 'push-gateways'
  | 'disk'
  | 'backup'

type Fact = string | number | boolean | null | readonly string[]

/** One thing that was looked at. The words for it are the page's; `explain.ts` has plain ones for the command line. */
export interface CheckResult {
  readonly id: CheckId
  readonly state: 'ok' | 'warn' | 'fail'
  /** `reason` says which of the things that can be wrong it is. */
  readonly facts: Readonly<Record<string, Fact>>
}
