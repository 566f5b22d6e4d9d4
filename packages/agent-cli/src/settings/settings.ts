import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { localState } from '../agent/cli-error.ts'
import { HANDOFF_DELAYS, type HandoffOptions } from '../agent/handoff-delay.ts'
import { ensurePrivateDirectory, PRIVATE_FILE_MODE, readPrivateFile } from '../private/files.ts'

/** What may be decided once for all commands. Never a secret. */
export interface Settings {
  server?: string
  relay?: string
  /** Without a password in it: that is for the environment. */
  relayProxy?: string
  profile?: string
  output?: 'text' | 'json'
  /** `handoff.delay`, `handoff.cover`, `handoff.receipts`. */
  handoff?: Partial<HandoffOptions>
}

const SCHEMA = {
  server: { type: 'string' },
  relay: { type: 'string' },
  relayProxy: { type: 'string' },
  profile: { type: 'string' },
  output: { type: 'string', enum: ['text', 'json'] },
  handoff: {
    type: 'object',
    properties: { delay: { type: 'string', enum: HANDOFF_DELAYS }, cover: { type: 'boolean' }, receipts: { type: 'boolean' } },
    additionalProperties: false,
  },
} as const

const CONFIG_NAME = 'config'

/**
 * Read the settings of a home directory. The file is the plain JSON that `conf` keeps; loading `conf` to read four strings would cost every
 * command 65 ms (measured), so only `writeSettings` does.
 *
 * @throws CliError `local_state` if the file is exposed or damaged.
 */
export function readSettings(home: string): Settings {
  const path = join(home, `${CONFIG_NAME}.json`)
  const bytes = readPrivateFile(path)
  if (bytes === undefined) return {}
  const settings = parse(bytes)
  if (settings === undefined) throw localState(`${path} is damaged`, { hint: 'mend or remove it: it holds settings only' })
  return settings
}

/** Set some of the settings, 0600. */
export async function writeSettings(home: string, change: Settings): Promise<void> {
  const { default: Conf } = await import('conf')
  // A home the user made may be open to look into: everything private in it is closed by itself.
  if (!existsSync(home)) ensurePrivateDirectory(home)
  const umask = process.umask(0o077)
  try {
    new Conf<Settings>({ cwd: home, configName: CONFIG_NAME, configFileMode: PRIVATE_FILE_MODE, schema: SCHEMA }).set(change)
  } finally {
    process.umask(umask)
  }
}

function parse(bytes: Uint8Array): Settings | undefined {
  try {
    const json = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown> | null
    const isSettings =
      typeof json === 'object' &&
      json !== null &&
      ['server', 'relay', 'relayProxy', 'profile', 'output'].every(
        (key) => json[key] === undefined || typeof json[key] === 'string',
      ) &&
      (json.handoff === undefined || isHandoff(json.handoff))
    return isSettings ? (json as Settings) : undefined
  } catch {
    return undefined
  }
}

function isHandoff(value: unknown): value is Partial<HandoffOptions> {
  if (typeof value !== 'object' || value === null) return false
  const { delay, cover, receipts, ...others } = value as Record<string, unknown>
  // A delay that is spelled wrong is none, and nobody would notice.
  return (
    Object.keys(others).length === 0 &&
    (delay === undefined || HANDOFF_DELAYS.some((each) => each === delay)) &&
    [cover, receipts].every((each) => each === undefined || typeof each === 'boolean')
  )
}
