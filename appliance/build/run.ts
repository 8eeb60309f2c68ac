import { spawnSync } from 'node:child_process'

/** Runs a program of the build to its end; throws with what it said when it fails. */
export function run(program: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}): void {
  ask(program, words, environment)
}

/** What a program prints; throws with all that it said when it fails. */
export function ask(program: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  const { status, signal, stdout, stderr, error } = spawnSync(program, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...environment },
  })
  if (status === 0) return stdout
  const reason = error?.message ?? signal ?? `exit code ${status}`
  throw new Error(`${program} ${words.join(' ')}\nfailed (${reason}):\n${stderr}${stdout.slice(-4000)}`)
}

export function say(text: string): void {
  process.stderr.write(`== ${text}\n`)
}
