#!/usr/bin/env node
// Runs a program of this repository under the Node version it needs, after installing what the lock file says.
// Plain JavaScript for any Node >= 20, so that `npm start` and `npm test` work as the first commands in a fresh checkout.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const requiredMajor = 24
const stamp = join(root, 'node_modules', '.hausbote-installed')
/** Names the process that installs, outside the folder that `npm ci` empties. */
const turn = join(root, '.hausbote-installing')

/** Installs the locked packages when they are absent or belong to another lock file. */
function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const installed = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (installed()) return
  const endTurn = takeTurn()
  if (!installed()) {
    process.stderr.write('Installing packages (only needed once) ...\n')
    // Every native module comes prebuilt inside its package, so no install script has to run.
    const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    })
    if (npm.status !== 0) fail(`npm ci failed (${npm.error?.message ?? `exit code ${npm.status}`}).`)
    mkdirSync(dirname(stamp), { recursive: true })
    writeFileSync(stamp, wanted)
  }
  endTurn()
}

/** Waits while another command installs, for two at once would tear down each other's work. Returns the end of the turn. */
function takeTurn() {
  const end = () => rmSync(turn, { force: true })
  for (let told = false; ; ) {
    try {
      writeFileSync(turn, String(process.pid), { flag: 'wx' })
      process.on('exit', end)
      return () => {
        process.off('exit', end)
        end()
      }
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`Packages cannot be installed: ${error.message}`)
    }
    if (!holderRuns()) {
      // It was killed.
      end()
      continue
    }
    if (!told) process.stderr.write('Another command is installing packages; waiting for it ...\n')
    told = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  }
}

function holderRuns() {
  try {
    return process.kill(Number(readFileSync(turn, 'utf8')), 0)
  } catch (error) {
    // It has ended just now, or belongs to somebody else.
    return error.code === 'ENOENT' || error.code === 'EPERM'
  }
}

/** The Node to run under: this one if it is right, else the one that came as a package. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) === requiredMajor) return process.execPath
  const packaged = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (!existsSync(packaged)) {
    fail(
      `Hausbote runs on Node ${requiredMajor}; this is ${process.version}, and no packaged Node exists for ${process.platform}-${process.arch}.\nInstall Node ${requiredMajor} and try again.`,
    )
  }
  return packaged
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

install()
// Stripping types at each start would cost half a second and 100 MB.
const env = { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'), ...process.env }
const child = spawn(findNode(), process.argv.slice(2), { cwd: root, stdio: 'inherit', env })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => fail(`Could not start Node: ${error.message}`))
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
