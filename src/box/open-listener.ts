import { settings } from '../config.ts'
import { type Certificate, type ListenAddress, type Listener, listen } from '../http/listener.ts'

/** A sentence for the person who starts the server. */
export class StartProblem extends Error {
  override readonly name = 'StartProblem'
}

/** Listens where the setting says; rejects with a `StartProblem` if that cannot be. */
export async function openListener(
  setting: 'listen' | 'secure_listen' | 'federation_listen' | 'metrics_listen' | 'setup_listen',
  address: ListenAddress,
  fetch: Parameters<typeof listen>[0],
  certificate?: Certificate,
): Promise<Listener> {
  try {
    return await listen(fetch, address, {}, certificate)
  } catch (error) {
    const { code } = error as { code?: unknown }
    const reason = (typeof code === 'string' && cannotListen[code]) || (error as Error).message
    throw new StartProblem(`${settings[setting].environment}: ${urlOf(address).slice('http://'.length)} ${reason}`)
  }
}

const cannotListen: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program. Stop that, or choose another address.',
  EADDRNOTAVAIL: 'is no address of this machine.',
  ENOTFOUND: 'is no address of this machine.',
  EACCES: 'needs rights that this user does not have. Choose a port from 1024 on.',
}

export function urlOf({ host, port }: ListenAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
