// Loaded before the server: tells systemd when it answers and, as long as it does, that it is alive. What is asked is what people use, over
// the same sockets, so that a server that runs and answers nobody is started again.
import { spawn } from 'node:child_process'
import { isMainThread } from 'node:worker_threads'
import { answers } from './answers.ts'

/** Milliseconds. */
const untilReady = 500
const afterwards = 45_000

/** Node has no way to send to the socket that systemd listens on. */
function tell(word: string): void {
  spawn('/usr/bin/systemd-notify', [word], { stdio: 'ignore' })
}

async function watch(ready: boolean): Promise<void> {
  const well = await answers()
  if (well) tell(ready ? 'WATCHDOG=1' : '--ready')
  const now = ready || well
  setTimeout(() => void watch(now), now ? afterwards : untilReady).unref()
}

// Threads load it too.
if (isMainThread && process.env.NOTIFY_SOCKET !== undefined) setTimeout(() => void watch(false), untilReady).unref()
