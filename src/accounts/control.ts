import { chmodSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Log } from '../platform/log.ts'
import type { Administration } from './administration.ts'
import { readCommand, runCommand } from './commands.ts'

/** Bytes of a line in either direction. */
const maxRequest = 16 * 1024
const maxAnswer = 64 * 1024 * 1024
const idleLimit = 60_000

/** Carries out what is no command about accounts; undefined: nor is it anything else. */
export type OtherCommands = (line: string) => Promise<object> | undefined

export interface ControlSocket {
  close(): Promise<void>
}

/** Bytes of a socket's path; of a longer one the system would take the beginning. */
const maxPath = 100

const fileOf = (dataDirectory: string) => join(dataDirectory, 'control.sock')
const isTooLong = (file: string) => Buffer.byteLength(file) > maxPath

/**
 * The running server's ear for the command line: one JSON line with a command, one line back. Whoever may open the file may
 * do everything, so only its owner may. Call it while the data directory is locked. Rejects if the socket cannot be made.
 * @param administration undefined: the server has no name yet, and there can be no accounts
 */
export function createControlSocket(
  dataDirectory: string,
  administration: Administration | undefined,
  log: Log,
  others: OtherCommands = () => undefined,
): Promise<ControlSocket> {
  const file = fileOf(dataDirectory)
  if (isTooLong(file))
    return Promise.reject(new Error(`The path ${file} is too long for a socket: ${maxPath} bytes are possible.`))
  // Left by a server that was killed: nobody else can be there, for the directory is locked.
  rmSync(file, { force: true })
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', (error) => log.debug({ err: error }, 'control connection failed'))
    socket.setTimeout(idleLimit, () => socket.destroy())
    readLine(socket, maxRequest)
      .then((line) => answer(line, administration, log, others))
      .then((result) => socket.end(`${JSON.stringify(result)}\n`))
      .catch((error) => {
        log.debug({ err: error }, 'control connection failed')
        socket.destroy()
      })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(file, () => {
      chmodSync(file, 0o600)
      resolve({
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            for (const socket of open) socket.destroy()
          }),
      })
    })
  })
}

async function answer(
  line: string,
  administration: Administration | undefined,
  log: Log,
  others: OtherCommands,
): Promise<object> {
  const command = readCommand(line)
  try {
    if (command && !administration) return { refused: 'This server has no name yet: open its page and set it up first.' }
    const answered = command && administration ? runCommand(administration, command) : others(line)
    return (await answered) ?? { refused: 'The server does not know this command; is it of another version?' }
  } catch (error) {
    log.error({ err: error, command: command?.command }, 'a control command failed')
    return { refused: `The server failed: ${(error as Error).message}` }
  }
}

/** Asks a running server; undefined: none is running on this data directory. */
export async function askServer(dataDirectory: string, command: object): Promise<unknown> {
  const file = fileOf(dataDirectory)
  if (isTooLong(file)) return undefined
  const socket = createConnection(file)
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    throw error
  }
  socket.setTimeout(idleLimit, () => socket.destroy(new Error('The server does not answer.')))
  socket.write(`${JSON.stringify(command)}\n`)
  try {
    return JSON.parse(await readLine(socket, maxAnswer))
  } finally {
    socket.destroy()
  }
}

/** The first line; rejects when the other side ends before it or it is longer than `limit` bytes. */
function readLine(socket: Socket, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    socket.on('data', (chunk: Buffer) => {
      const end = chunk.indexOf(10)
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end))
      length += chunk.length
      if (length > limit) reject(new Error(`a line of more than ${limit} bytes`))
      else if (end >= 0) resolve(Buffer.concat(chunks).toString('utf8'))
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection ended before the line did')))
  })
}
