export interface Answer {
  readonly status: number
  readonly body: Buffer
  /** Milliseconds on the clock of `performance.now()`. */
  readonly began: number
  readonly ended: number
}

export type HttpClient = (method: string, path: string, options?: object) => Promise<Answer>
