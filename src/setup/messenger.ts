import type { Answers } from './answers.ts'

/** The messenger behind the page: the part of the program that has a name and speaks Matrix. */
export interface Messenger {
  readonly running: RunningMessenger | undefined
  /** Why it does not run although it should, in a sentence. */
  readonly problem: string | undefined
  /** Builds it under the name that was answered, or anew after an answer changed; `problem` says if that failed. */
  start(): Promise<void>
}

/** What the page needs of a messenger that runs. */
export interface RunningMessenger {
  readonly serverName: string
}

/** What the configuration, which only technicians see, has settled already. */
export interface Settled {
  readonly serverName: string | undefined
  readonly publicUrl: string | undefined
}

export type AnswersSoFar = Partial<Answers>
