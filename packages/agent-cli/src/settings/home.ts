import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { localState } from '../agent/cli-error.ts'

const NAME = 'agent-marketplace'

/**
 * The directory that holds the settings and every profile: AGENT_MARKETPLACE_HOME, else the one `conf` finds on this platform
 * (computed here because loading `conf` costs as much as all of oclif; a test compares the two).
 *
 * @throws CliError `local_state` if neither names a directory.
 */
export function homeDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.AGENT_MARKETPLACE_HOME) return resolve(env.AGENT_MARKETPLACE_HOME)
  if (process.platform === 'win32' && env.APPDATA) return join(env.APPDATA, NAME, 'Config')
  if (process.platform === 'linux' && env.XDG_CONFIG_HOME) return join(env.XDG_CONFIG_HOME, NAME)
  const user = userHome()
  if (process.platform === 'darwin') return join(user, 'Library', 'Preferences', NAME)
  if (process.platform === 'win32') return join(user, 'AppData', 'Roaming', NAME, 'Config')
  return join(user, '.config', NAME)
}

function userHome(): string {
  const found = tryHome()
  if (isAbsolute(found)) return found
  throw localState('this user has no home directory', { hint: 'set HOME, or AGENT_MARKETPLACE_HOME to a directory of your own' })
}

function tryHome(): string {
  try {
    return homedir()
  } catch {
    return ''
  }
}
