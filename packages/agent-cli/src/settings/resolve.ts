import { join } from 'node:path'
import type { AgentOptions } from '../agent/agent.ts'
import { usage } from '../agent/cli-error.ts'
import type { HandoffDelay } from '../agent/handoff-delay.ts'
import { homeDirectory } from './home.ts'
import { parseOrigin } from './origin.ts'
import { readSettings, type Settings } from './settings.ts'

export const SERVER_DEFAULT = 'http://127.0.0.1:8080'
export const PROFILE_DEFAULT = 'default'
export const TIMEOUT_DEFAULT_S = 30

const PROXY_VARIABLE = 'AGENT_MARKETPLACE_RELAY_PROXY'

const PROFILE = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/i

/** The flags every command has. oclif has already filled in their environment variables. */
export interface GlobalFlags {
  readonly server?: string | undefined
  readonly profile?: string | undefined
  readonly relay?: string | undefined
  readonly 'relay-proxy'?: string | undefined
  readonly 'handoff-delay'?: HandoffDelay | undefined
  readonly timeout?: number | undefined
  readonly insecure?: boolean | undefined
}

export interface Place {
  readonly home: string
  readonly settings: Settings
  readonly options: AgentOptions
}

/** A proxy may ask for a password, which is a secret: the command line and the settings have none. An empty variable means no proxy. */
function chooseProxy(flags: GlobalFlags, env: NodeJS.ProcessEnv, settings: Settings): string | undefined {
  const named = flags['relay-proxy']
  for (const [what, text] of [
    ['the command line', named],
    ['the settings', settings.relayProxy],
  ] as const)
    if (text !== undefined && URL.parse(text)?.password)
      throw usage(`the password of the relay proxy must not be on ${what}`, `put the whole address into ${PROXY_VARIABLE}`)
  return named ?? (env[PROXY_VARIABLE] === undefined ? settings.relayProxy : env[PROXY_VARIABLE] || undefined)
}

/** Decide where a command works: flag, then environment, then settings, then default. */
export function resolvePlace(flags: GlobalFlags, env: NodeJS.ProcessEnv = process.env): Place {
  const home = homeDirectory(env)
  const settings = readSettings(home)
  const name = flags.profile ?? settings.profile ?? PROFILE_DEFAULT
  if (!PROFILE.test(name)) throw usage('a profile is 1–63 letters, digits, ".", "_" or "-"')

  const allowPlain = flags.insecure ?? false
  const relay = flags.relay ?? settings.relay
  return {
    home,
    settings,
    options: {
      profile: { name, directory: join(home, 'profiles', name) },
      server: parseOrigin(flags.server ?? settings.server ?? SERVER_DEFAULT, { what: 'the server', allowPlain }),
      relay: relay === undefined ? undefined : parseOrigin(relay, { what: 'the relay', allowPlain }),
      relayProxy: chooseProxy(flags, env, settings),
      handoff: { ...settings.handoff, ...(flags['handoff-delay'] && { delay: flags['handoff-delay'] }) },
      insecure: allowPlain,
      timeoutMs: (flags.timeout ?? TIMEOUT_DEFAULT_S) * 1000,
    },
  }
}
