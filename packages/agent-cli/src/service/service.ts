import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { CliError, usage } from '../agent/cli-error.ts'
import { launchdPlist, type Service, systemdUnit, type Unit } from './unit.ts'

export type ServiceManager = 'systemd' | 'launchd'

export interface ServiceReport {
  readonly service: string
  readonly manager: ServiceManager
  readonly path: string
  /** Whether the service manager has been told, and runs it. */
  readonly started: boolean
  /** Why it has not been started, and what to do. */
  readonly detail?: string
}

/** The service manager of this system. @throws CliError `usage` where there is neither. */
export function managerOf(platform: NodeJS.Platform = process.platform): ServiceManager {
  if (platform === 'linux') return 'systemd'
  if (platform === 'darwin') return 'launchd'
  throw usage(`there is no service to install on ${platform}`, 'start `agent-marketplace daemon` when you log in')
}

export function unitOf(manager: ServiceManager, service: Service): Unit {
  return manager === 'systemd' ? systemdUnit(service) : launchdPlist(service)
}

/** Where a unit of this user belongs. */
export function unitPath(manager: ServiceManager, name: string, env: NodeJS.ProcessEnv = process.env): string {
  if (manager === 'launchd') return join(homedir(), 'Library', 'LaunchAgents', name)
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd', 'user', name)
}

/** Write the unit and start it. A service manager that is not there (no session, a container) is no failure: the unit waits for it. */
export function installService(manager: ServiceManager, { name, content }: Unit): ServiceReport {
  const path = unitPath(manager, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content, { mode: 0o600 })
  const refusal = tell(
    manager === 'systemd' ? [['daemon-reload'], ['enable', name], ['restart', name]] : launchd('bootstrap', path),
  )
  return { service: name, manager, path, started: refusal === undefined, ...(refusal !== undefined && { detail: refusal }) }
}

/** Stop the service and remove its unit. @throws CliError `not_found` if it is not installed. */
export function uninstallService(manager: ServiceManager, name: string): Omit<ServiceReport, 'detail'> {
  const path = unitPath(manager, name)
  if (!existsSync(path)) throw new CliError('not_found', `there is no ${path}`, { hint: 'see `daemon install --dry-run`' })
  tell(manager === 'systemd' ? [['disable', '--now', name]] : launchd('bootout', path))
  rmSync(path)
  if (manager === 'systemd') tell([['daemon-reload']])
  return { service: name, manager, path, started: false }
}

type Call = readonly string[]

function launchd(verb: 'bootstrap' | 'bootout', path: string): Call[] {
  const domain = `gui/${process.getuid?.() ?? ''}`
  const out: Call = ['bootout', domain, path]
  return verb === 'bootout'
    ? [out]
    : [
        ['?', ...out],
        ['bootstrap', domain, path],
      ]
}

/** Call the service manager, step by step. A step that begins with `?` may fail. @returns what it said against it. */
function tell(calls: readonly Call[]): string | undefined {
  for (const call of calls) {
    const [mayFail, args] = call[0] === '?' ? [true, call.slice(1)] : [false, call]
    const command = process.platform === 'darwin' ? ['launchctl', ...args] : ['systemctl', '--user', ...args]
    const { status, stderr, error } = spawnSync(command[0] ?? '', command.slice(1), {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    if (status === 0 || mayFail) continue
    const said = error ? error.message : stderr.trim().split('\n')[0]
    return `${said}; later: ${command.join(' ')}`
  }
  return undefined
}
