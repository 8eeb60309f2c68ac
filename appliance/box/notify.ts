// Loaded before the server: tells systemd when it answers and, as long as it does, that it is alive. What is asked is what people use, over
// the same sockets, so that a server that runs and answers nobody is started again. The claim code that the server prints is kept where the
// console finds it, until the page says that somebody owns the box.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { look } from './answers.ts'

/** Milliseconds. */
const untilReady = 500
const afterwards = 20_000

const runtime = process.env.RUNTIME_DIRECTORY
let code = ''

/** Node has no way to send to the socket that systemd listens on. */
function tell(word: string): void {
  spawn('/usr/bin/systemd-notify', [word], { stdio: 'ignore' })
}

function keepCode(found: string): void {
  if (runtime === undefined || found === code) return
  code = found
  writeFileSync(join(runtime, 'claim'), found)
}

async function watch(ready: boolean): Promise<void> {
  const { well, claimed } = await look()
  if (claimed) keepCode('')
  if (well) tell(ready ? 'WATCHDOG=1' : '--ready')
  const now = ready || well
  setTimeout(() => void watch(now), now ? afterwards : untilReady).unref()
}

function listenForCode(): void {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
    const [, found] = /^ {2}Code: ([0-9A-Z]{4}-[0-9A-Z]{4})$/m.exec(String(chunk)) ?? []
    if (found !== undefined) keepCode(found)
    return write(chunk, ...rest)
  }) as typeof process.stdout.write
}

// Threads load it too.
if (isMainThread && process.env.NOTIFY_SOCKET !== undefined) {
  listenForCode()
  setTimeout(() => void watch(false), untilReady).unref()
}
