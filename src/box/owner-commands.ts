import type { OtherCommands } from '../accounts/control.ts'
import { createPasswordHashing, defaultPasswordCost } from '../accounts/password-hashing.ts'
import type { App, Platform } from '../app.ts'
import type { Config } from '../config.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { carryOutSetup } from '../setup/commands.ts'
import type { RunningMessenger } from '../setup/messenger.ts'
import { createStaff } from '../setup/staff/staff.ts'
import { urlOf } from './open-listener.ts'

/** What the owner's page needs of an app. */
export function runningOf(app: App, config: Pick<Config, 'server_name' | 'public_url'>): RunningMessenger {
  const { sessions, rooms, operations, retryPartner } = app
  return { serverName: config.server_name as ServerName, publicUrl: config.public_url, sessions, rooms, operations, retryPartner }
}

/** All commands of the command line but those about accounts, on an app that nobody serves. */
export function commandsWithoutServer(app: App, config: Config, platform: Platform): OtherCommands {
  const { storage } = app
  const messenger = {
    running: runningOf(app, config),
    problem: undefined,
    start: () => Promise.resolve(),
    restart: () => undefined,
    reset: () => undefined,
  }
  const passwords = createPasswordHashing(platform.passwordCost ?? defaultPasswordCost, platform.random)
  const staff = createStaff({ ...platform, storage, passwords, messenger })
  // Nobody listens there yet; the invitation waits for who does.
  const pageUrls = () => (config.setup_listen ? [urlOf(config.setup_listen)] : [])
  return (line) => carryOutSetup(line, { storage, clock: platform.clock, staff, pageUrls }) ?? app.operations.carryOut(line)
}
