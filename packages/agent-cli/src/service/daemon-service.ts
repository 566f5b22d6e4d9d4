import { join } from 'node:path'
import { localState } from '../agent/cli-error.ts'
import { resolveCommand } from '../daemon/resolve-command.ts'
import { installService, managerOf, type ServiceReport, uninstallService, unitOf, unitPath } from './service.ts'

/** What becomes a service. */
export interface DaemonService {
  readonly profile: { readonly name: string; readonly directory: string }
  readonly server: string
  /** Directory of this package. */
  readonly root: string
  readonly home: string
  /** Flags of the daemon, as they were typed. */
  readonly flags: readonly string[]
  readonly isDryRun: boolean
}

/**
 * Have the daemon of a profile start with this user's session and stay.
 *
 * @returns With a dry run nothing but what would be written.
 * @throws CliError `local_state` if the profile has no identity yet; `usage` where there is no service manager.
 */
export async function installDaemon({
  profile,
  server,
  root,
  home,
  flags,
  isDryRun,
}: DaemonService): Promise<ServiceReport & { content?: string }> {
  const manager = managerOf()
  const program = [process.execPath, join(root, 'bin', 'run.js')]
  const unit = unitOf(manager, {
    profile: profile.name,
    argv: [...program, 'daemon', '--profile', profile.name, '--server', server, ...flags],
    // Commands are found where they are found now.
    env: { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', AGENT_MARKETPLACE_HOME: home },
    logFile: join(profile.directory, 'daemon.log'),
  })
  if (isDryRun) return { service: unit.name, manager, path: unitPath(manager, unit.name), started: false, content: unit.content }
  // Loaded here: a dry run needs no keys.
  const { readKeyring } = await import('../private/keyring.ts')
  if (!readKeyring(profile.directory))
    throw localState(`the profile "${profile.name}" has no identity yet`, {
      hint: 'register first: `agent-marketplace register --agent-id …`',
    })
  return installService(manager, unit)
}

/** Undo `installDaemon`. @throws CliError `not_found` if there is no such service. */
export function uninstallDaemon({ name }: { name: string }): Omit<ServiceReport, 'detail'> {
  const manager = managerOf()
  const { name: unit } = unitOf(manager, { profile: name, argv: [], env: {}, logFile: '' })
  return uninstallService(manager, unit)
}

/** Flags of a command line, as words of another one. Commands are named so that they are found from anywhere. */
export function flagWords(flags: Readonly<Record<string, unknown>>, directory: string): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (value === undefined || value === false) return []
    if (value === true) return [`--${name}`]
    return [value]
      .flat()
      .flatMap((each) => [`--${name}`, isCommand(name) ? resolveCommand(String(each), directory) : String(each)])
  })
}

function isCommand(flag: string): boolean {
  return flag === 'exec' || flag === 'review-exec'
}
