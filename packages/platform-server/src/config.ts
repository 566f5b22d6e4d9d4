import { join } from 'node:path'
import { AgentId, BASIS_POINTS, Origin, RegisterInput } from '@agent-marketplace/protocol'
import envPaths from 'env-paths'
import type { z } from 'zod'
import { type Address, isLoopback, isWildcard, originOf, parseAddress } from './address.ts'
import { parseByteSize } from './byte-size.ts'
import { misplacedFlags, readArguments } from './flags.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'
import { Network } from './network.ts'
import { type BucketAddress, type BucketCredentials, parseBucketAddress } from './relay/bucket-address.ts'
import { createSettings, type Environment, type Settings } from './settings.ts'
import { isTokenKeySource } from './token-key-source.ts'

const PLANES = ['both', 'control', 'relay'] as const
const REGISTRATIONS = ['open', 'invite', 'approval'] as const
const DEPOSITS = ['open', 'operator'] as const
const SWITCH = ['on', 'off'] as const
const RELAY_CAPACITY_BYTES = 10 * 1024 ** 3
const REGISTRATION_TOKEN = 'AGENT_MARKETPLACE_REGISTRATION_TOKEN'

/** Everything an operator decides, parsed once at the start. */
export interface Config {
  readonly listen: Address
  readonly relayListen: Address
  /** What clients call the control plane; sessions are bound to it. */
  readonly origin: string
  /** What clients call the relay; absent when this process serves none and none was named. */
  readonly relayOrigin: string | undefined
  readonly dataDirectory: string
  /** A `postgres://` address; without it the embedded engine keeps its file in `dataDirectory`. */
  readonly database: string | undefined
  readonly plane: (typeof PLANES)[number]
  readonly registration: (typeof REGISTRATIONS)[number]
  /** A shared invite; comes from the environment only, never from a command line. */
  readonly registrationToken: string | undefined
  readonly deposits: (typeof DEPOSITS)[number]
  /** Agents that are operators from their registration on. */
  readonly operators: readonly string[]
  /** Share of the platform in execute captures, in basis points. */
  readonly feeBps: number
  readonly relayTokens: (typeof SWITCH)[number]
  /** File or address with the issuer's public keys, for a relay that runs alone. */
  readonly relayTokenKeys: string | undefined
  /** Space of everything on the relay, in bytes. */
  readonly relayCapacity: number
  /** The bucket in which the relay keeps bodies; without it they are files in `dataDirectory`. */
  readonly relayBlobs: { readonly address: BucketAddress; readonly credentials: BucketCredentials } | undefined
  readonly rateLimits: (typeof SWITCH)[number]
  /** Proxies of ours in front of the control plane: their word is taken about where a call comes from. */
  readonly trustedProxies: readonly string[]
  readonly logLevel: LogLevel
  /** Whether a new database may be made where one was expected. */
  readonly init: boolean
}

/** What a command line asks for: its words that are not flags, and the configuration. */
export interface Invocation {
  readonly words: readonly string[]
  readonly config: Config
}

/** The configuration cannot be used. `faults` holds one line for each thing that is wrong, never a value that was given. */
export class BadConfiguration extends Error {
  override readonly name = 'BadConfiguration'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

/**
 * Read flags and environment and fill in the defaults.
 * What is open by default is open only while both the listen address and the origin are loopback.
 *
 * @throws BadConfiguration naming every fault at once.
 */
export function parseConfig(args: readonly string[], env: Environment): Invocation {
  const faults: string[] = []
  const given = readArguments(args, faults)
  const { one, choice, many } = createSettings(given, env, faults)
  const plane = choice('plane', PLANES) ?? 'both'
  faults.push(...misplacedFlags(given, plane))

  const listener = (
    flag: 'listen' | 'relay-listen',
    originFlag: 'origin' | 'relay-origin',
    { port, serves }: { port: number; serves: boolean },
  ) => {
    const address = one(flag, parseAddress, 'HOST:PORT, such as 127.0.0.1:8080') ?? { host: '127.0.0.1', port }
    const origin = one(originFlag, readOrigin, 'an origin, such as https://market.example.org')
    if (serves && !origin && isWildcard(address.host))
      faults.push(`--${originFlag}: needed, because --${flag} stands for every address of this machine`)
    const isLocal = isLoopback(address.host) && (!origin || isLoopback(new URL(origin).hostname))
    return { address, origin: origin ?? (serves ? originOf(address) : undefined), isLocal, serves }
  }
  const control = listener('listen', 'origin', { port: 8080, serves: plane !== 'relay' })
  const relay = listener('relay-listen', 'relay-origin', { port: 8081, serves: plane !== 'control' })
  if (plane === 'both' && clash(control.address, relay.address))
    faults.push('--relay-listen: expected another address than --listen')

  const relayTokenKeys = one(
    'relay-token-keys',
    (text) => (isTokenKeySource(text) ? text : undefined),
    'a file, or an https address',
  )
  const isRelayOpen = relay.origin === undefined || (relay.isLocal && relayTokenKeys === undefined)

  const config: Config = {
    listen: control.address,
    relayListen: relay.address,
    origin: control.origin ?? originOf(control.address),
    relayOrigin: relay.origin,
    dataDirectory: one('data', (text) => text, 'a directory') ?? defaultDataDirectory(),
    database: one('database', readDatabase, 'an address such as postgres://user@host/name'),
    plane,
    registration: choice('registration', REGISTRATIONS) ?? (control.isLocal ? 'open' : 'invite'),
    registrationToken: readRegistrationToken(env, faults),
    deposits: choice('deposits', DEPOSITS) ?? (control.isLocal ? 'open' : 'operator'),
    operators: many('operator', reader(AgentId), 'an agent id'),
    feeBps: one('fee-bps', readBasisPoints, `a whole number from 0 to ${BASIS_POINTS}`) ?? 0,
    relayTokens: choice('relay-tokens', SWITCH) ?? (isRelayOpen ? 'off' : 'on'),
    relayTokenKeys,
    relayCapacity: one('relay-capacity', parseByteSize, 'a size such as 10GiB') ?? RELAY_CAPACITY_BYTES,
    relayBlobs: readBlobs(one, env, faults),
    rateLimits: choice('rate-limits', SWITCH) ?? 'on',
    trustedProxies: many('trusted-proxy', reader(Network), 'an address or a network, such as 10.0.0.0/8'),
    logLevel: choice('log-level', LOG_LEVELS) ?? 'info',
    init: one('init', readTruth, 'true or false') ?? false,
  }
  if (config.rateLimits === 'off' && control.serves && !control.isLocal)
    faults.push('--rate-limits: off is for a loopback address only')
  if (config.relayTokens === 'off' && relay.serves && !relay.isLocal)
    faults.push('--relay-tokens: off is for a loopback address only')
  if (plane === 'relay' && config.relayTokens === 'on' && relayTokenKeys === undefined)
    faults.push('--relay-token-keys: needed, because a relay alone checks tokens with the public keys of who issues them')
  if (relayTokenKeys !== undefined && (plane !== 'relay' || config.relayTokens === 'off'))
    faults.push('--relay-token-keys: is for --plane relay with --relay-tokens on')

  if (faults.length > 0) throw new BadConfiguration(faults)
  return { words: given.words, config }
}

/** `agent-marketplace/server` under the data directory that the operating system gives to programs of this user. */
function defaultDataDirectory(): string {
  return join(envPaths('agent-marketplace', { suffix: '' }).data, 'server')
}

function clash(one: Address, other: Address): boolean {
  return one.port !== 0 && one.port === other.port && one.host === other.host
}

function reader<T>(schema: z.ZodType<T>): (text: string) => T | undefined {
  return (text) => schema.safeParse(text).data
}

function readOrigin(text: string): string | undefined {
  const origin = Origin.safeParse(text).data
  return origin && URL.canParse(origin) && new URL(origin).origin === origin ? origin : undefined
}

function readDatabase(text: string): string | undefined {
  return URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol) ? text : undefined
}

function readBasisPoints(text: string): number | undefined {
  return /^[0-9]{1,5}$/.test(text) && Number(text) <= BASIS_POINTS ? Number(text) : undefined
}

function readTruth(text: string): boolean | undefined {
  return { true: true, 1: true, false: false, 0: false }[text]
}

/** The address of the bucket from its flag, and who may use it from the environment, under the names that every tool for such services reads. */
function readBlobs(one: Settings['one'], env: Environment, faults: string[]): Config['relayBlobs'] {
  const expected = 's3://BUCKET/PREFIX, with ?endpoint=https://HOST&region=REGION for another service than that of AWS'
  const address = one('relay-blobs', parseBucketAddress, expected)
  if (!address) return undefined
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env
  if (!accessKeyId || !secretAccessKey) {
    faults.push('--relay-blobs: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed in the environment')
    return undefined
  }
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
  return { address: { ...address, region: address.region ?? env.AWS_REGION }, credentials }
}

function readRegistrationToken(env: Environment, faults: string[]): string | undefined {
  const text = env[REGISTRATION_TOKEN]
  if (!text) return undefined
  const token = RegisterInput.shape.registrationToken.safeParse(text).data
  if (token === undefined) faults.push(`${REGISTRATION_TOKEN}: expected 1 to 128 printable ASCII characters without spaces`)
  return token
}
