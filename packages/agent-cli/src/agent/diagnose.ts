import { statfs } from 'node:fs/promises'
import {
  PREKEY_LIFETIME_MS,
  PROTOCOL_VERSION,
  SESSION_CLOCK_SKEW_MS,
  type ServerInfo,
  type Whoami,
} from '@agent-marketplace/protocol'
import { findDaemon } from '../private/daemon-lock.ts'
import { ensurePrivateDirectory } from '../private/files.ts'
import { findExposed } from '../private/find-exposed.ts'
import { newestPrekeyAtMs } from '../private/prekeys.ts'
import { countTokens } from '../private/tokens.ts'
import { isLoopback } from '../settings/origin.ts'
import { readPolicy } from '../settings/policy.ts'
import { type Agent, type AgentOptions, openAgent, openPlatform } from './agent.ts'
import { checkKeyChange, checkKeyring, checkPasses, checkPins } from './check-keys.ts'
import { CliError, localState } from './cli-error.ts'

const FREE_BYTES_MIN = 100 * 1024 * 1024
const DAY_MS = 86_400_000

/** What to do about a check that fails, where the failure does not say so itself. */
const FIXES = {
  home: 'name another place in AGENT_MARKETPLACE_HOME',
  permissions: 'make the profile yours: chown, then chmod -R go=',
  policy: 'set it anew: `daemon policy --reset`',
  disk: 'make room, or name another place in AGENT_MARKETPLACE_HOME',
  daemon: 'ask again in a moment',
  server: 'start it, or name another one: --server URL',
  clock: 'set the clock, or have it set: timedatectl set-ntp true',
  identity: 'register: `agent-marketplace register --agent-id …`',
  key: 'see `agent-marketplace key --help`',
  'key change': 'see `agent-marketplace key --help`',
  contacts: 'see `agent-marketplace contacts list`',
  passes: 'ask its buyer and its reviewers: `review list --assignment-id …` shows what was signed',
  prekey: 'run `agent-marketplace daemon --once`, or keep the daemon running',
  relay: 'start it, or name another one: --relay URL',
  'relay tokens': 'the relay has to be run with tokens on',
} as const

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

export interface Diagnosis {
  readonly checks: Check[]
}

/** Look at everything a command depends on. Never throws for what it finds: each finding is a check. */
export async function diagnose(options: AgentOptions): Promise<Diagnosis> {
  const { now = Date.now, profile } = options
  const local = [
    await check('home', () => checkHome(profile.directory)),
    await check('permissions', () => checkPermissions(profile.directory)),
    await check('policy', () => checkPolicy(profile.directory)),
    await check('disk', () => checkDisk(profile.directory)),
    await check('daemon', () => checkDaemon(profile.directory)),
  ]
  const agent = await attempt(() => openAgent(options))
  const beforeMs = now()
  const info = await attempt(() => openPlatform(options).query('server.info', {}))
  const afterMs = now()
  const self = await attempt(() => given(agent).platform.query('identity.whoami', {}))
  const remote = [
    await check('server', () => checkServer(given(info), options.server)),
    await check('clock', () => checkClock(given(info), { beforeMs, afterMs })),
    await check('identity', () => checkIdentity(given(self))),
    await check('key', () => checkKeyring(given(agent))),
    await check('key change', () => checkKeyChange(given(agent))),
    await check('contacts', () => checkPins(given(agent))),
    await check('passes', () => checkPasses(given(agent))),
    await check('prekey', () => checkPrekey(given(agent), self)),
    await check('relay', () => checkRelay(given(agent))),
    await check('relay tokens', () => checkTokens(given(info), agent)),
  ]
  return { checks: [...local, ...remote] }
}

function checkHome(directory: string): string {
  ensurePrivateDirectory(directory)
  return `${directory} is yours alone`
}

function checkPermissions(directory: string): string {
  const [path, ...more] = findExposed(directory)
  if (path === undefined) return 'what is stored here can be read by you alone'
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  throw localState(`${path}${others} can be read by others`, { hint: `chmod -R go= '${directory}'` })
}

function checkPolicy(directory: string): string {
  const names = Object.keys(readPolicy(directory))
  return names.length === 0 ? 'the daemon takes on whatever it is given' : `limits ${names.join(', ')}`
}

async function checkDisk(directory: string): Promise<string> {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free < FREE_BYTES_MIN) throw new Error(`only ${Math.floor(free / 2 ** 20)} MiB are free`)
  return `${Math.floor(free / 2 ** 20)} MiB are free`
}

/** Both are in order; the user should know which. */
function checkDaemon(directory: string): string {
  const daemon = findDaemon(directory)
  return daemon ? `runs (process ${daemon.pid})` : 'does not run: what others send waits on the relay'
}

function checkServer({ origin, version, protocol, registration, deposits }: ServerInfo, server: string): string {
  if (origin !== server) throw new Error(`the server calls itself ${origin}: name it so, --server ${origin}`)
  if (protocol !== PROTOCOL_VERSION) throw new Error(`the server speaks protocol ${protocol}, this program ${PROTOCOL_VERSION}`)
  return `${origin}, version ${version}, registration ${registration}, deposits ${deposits}`
}

function checkClock({ nowMs }: ServerInfo, { beforeMs, afterMs }: { beforeMs: number; afterMs: number }): string {
  const skewMs = Math.round(nowMs - (beforeMs + afterMs) / 2)
  const detail = `this clock is ${Math.abs(skewMs) / 1000} s ${skewMs > 0 ? 'behind' : 'ahead of'} the server's`
  if (Math.abs(skewMs) > SESSION_CLOCK_SKEW_MS) throw new Error(`${detail}: nothing can be proven to it`)
  return detail
}

function checkIdentity({ agentId, status }: Whoami): string {
  if (status !== 'active')
    throw new CliError('forbidden', `${agentId} is ${status}`, {
      hint: status === 'deregistered' ? 'register again, with the same id' : 'ask an operator of the platform',
    })
  return `${agentId} is active, and the platform has its key`
}

/** The newest here is the one that others are given, as far as the platform can be asked. */
function checkPrekey({ vault, now }: Agent, self: Attempt<Whoami>): string {
  const issuedAtMs = newestPrekeyAtMs(vault)
  if (issuedAtMs === undefined) throw new Error('there is none: nobody can write to this agent')
  const ageMs = now() - issuedAtMs
  const detail = `${Math.floor(ageMs / DAY_MS)} days old`
  if (ageMs > PREKEY_LIFETIME_MS) throw new Error(`${detail} and expired`)
  const handedOut = 'value' in self ? (self.value.prekeyExpiresAtMs ?? 0) : 0
  if (handedOut > issuedAtMs + PREKEY_LIFETIME_MS)
    throw localState('what is sealed to this agent now cannot be opened here: another machine made a later prekey', {
      hint: 'use one machine for this agent; if the other one is gone, this one takes its place within the hour',
    })
  return detail
}

async function checkRelay(agent: Agent): Promise<string> {
  const relay = await agent.relay()
  await relay.keys()
  return 'answers'
}

function checkTokens({ relayTokens, relayOrigins }: ServerInfo, agent: Attempt<Agent>): string {
  const isLocal = relayOrigins.every(isLoopback)
  if (relayTokens === 'off' && !isLocal) throw new Error('off, though the relay is on another machine: anybody can fill it')
  if (relayTokens === 'off') return 'off (the relay is on this machine)'
  if ('error' in agent) return 'on'
  const { message, part } = countTokens(agent.value.vault, agent.value.now())
  return `on, in stock: ${message} for messages, ${part} for parts of files`
}

type Attempt<T> = { readonly value: T } | { readonly error: unknown }

async function attempt<T>(action: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await action() }
  } catch (error) {
    return { error }
  }
}

function given<T>(found: Attempt<T>): T {
  if ('error' in found) throw found.error
  return found.value
}

async function check(name: keyof typeof FIXES, look: () => string | Promise<string>): Promise<Check> {
  const found = await attempt(look)
  if ('value' in found) return { name, ok: true, detail: found.value }
  const { error } = found
  // What could not be looked at because nobody answered is mended where that is mended.
  const isAway = error instanceof CliError && error.code === 'unreachable' && name !== 'relay'
  const hint = (error instanceof CliError ? error.hint : undefined) ?? FIXES[isAway ? 'server' : name]
  return { name, ok: false, detail: `${error instanceof Error ? error.message : 'unknown'} (${hint})` }
}
