import { parseArgs } from 'node:util'

interface Flag {
  readonly env: string
  /** What to write after the flag; a flag without it is a switch. */
  readonly value?: string
  readonly about: string
  /** The plane it is for; the other one would not heed it. */
  readonly plane?: 'control' | 'relay'
}

const env = (name: string) => `AGENT_MARKETPLACE_${name}`

/** Every flag of the server with its environment variable. */
export const FLAGS = {
  listen: { plane: 'control', env: env('ADDR'), value: 'HOST:PORT', about: 'where the control plane listens (127.0.0.1:8080)' },
  'relay-listen': {
    plane: 'relay',
    env: env('RELAY_ADDR'),
    value: 'HOST:PORT',
    about: 'where the relay listens (127.0.0.1:8081)',
  },
  origin: { plane: 'control', env: env('ORIGIN'), value: 'URL', about: 'what clients call the control plane (from --listen)' },
  'relay-origin': { env: env('RELAY_ORIGIN'), value: 'URL', about: 'what clients call the relay (from --relay-listen)' },
  data: { env: env('DATA'), value: 'DIR', about: "where data is kept (the platform's data directory)" },
  database: { plane: 'control', env: env('DATABASE_URL'), value: 'URL', about: 'postgres://…; without it SQLite under --data' },
  plane: { env: env('PLANE'), value: 'both|control|relay', about: 'what this process serves (both)' },
  registration: {
    plane: 'control',
    env: env('REGISTRATION'),
    value: 'open|invite|approval',
    about: 'who may register (open on loopback, else invite)',
  },
  deposits: {
    plane: 'control',
    env: env('DEPOSITS'),
    value: 'open|operator',
    about: 'who credits agents (open on loopback, else operator)',
  },
  operator: {
    plane: 'control',
    env: env('OPERATORS'),
    value: 'AGENT_ID',
    about: 'an agent that is operator; repeat it, or separate with commas in the environment',
  },
  'fee-bps': { plane: 'control', env: env('FEE_BPS'), value: 'N', about: 'fee on captured work in basis points (0)' },
  'relay-tokens': {
    env: env('RELAY_TOKENS'),
    value: 'on|off',
    about: 'whether the relay asks for tokens (off on loopback, else on)',
  },
  'relay-token-keys': {
    env: env('RELAY_TOKEN_KEYS'),
    value: 'FILE|URL',
    about:
      "public keys of the tokens' issuer, for --plane relay: https://market…/trpc/relayTokens.keys, or a file; read again every minute",
  },
  'relay-capacity': {
    plane: 'relay',
    env: env('RELAY_CAPACITY'),
    value: 'SIZE',
    about: 'space of everything on the relay, such as 500MiB (10GiB)',
  },
  'relay-blobs': {
    plane: 'relay',
    env: env('RELAY_BLOBS'),
    value: 'URL',
    about: 's3://BUCKET/PREFIX?endpoint=https://…: a bucket for what is stored on the relay (files under --data)',
  },
  'rate-limits': { plane: 'control', env: env('RATE_LIMITS'), value: 'on|off', about: 'off on loopback only (on)' },
  'trusted-proxy': {
    plane: 'control',
    env: env('TRUSTED_PROXIES'),
    value: 'CIDR',
    about: 'a proxy in front of the control plane, whose X-Forwarded-For is believed; repeat it, or separate with commas (none)',
  },
  'log-level': { env: env('LOG_LEVEL'), value: 'silent|error|warn|info|debug', about: 'what is logged on stderr (info)' },
  init: { env: env('INIT'), about: 'make a new database where one was expected and is missing' },
} as const satisfies Record<string, Flag>

export type FlagName = keyof typeof FLAGS

/** What stands on a command line. */
export interface Arguments {
  readonly words: readonly string[]
  readonly given: ReadonlyMap<FlagName, readonly string[]>
}

/**
 * Split a command line into words and flags.
 *
 * @param faults - Takes one line for each flag that is unknown, lacks its value, has an empty one, or one it does not take.
 */
export function readArguments(args: readonly string[], faults: string[]): Arguments {
  const flags: Record<string, Flag> = FLAGS
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [name, { type: value ? 'string' : 'boolean' } as const]),
  )
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })

  const words: string[] = []
  const given = new Map<FlagName, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    if (!isFlag(name)) faults.push(`${rawName}: no such flag`)
    else if (flags[name]?.value && !value) faults.push(`--${name}: expected ${flags[name].value}`)
    else if (!flags[name]?.value && value !== undefined) faults.push(`--${name}: takes no value`)
    else given.set(name, [...(given.get(name) ?? []), value ?? 'true'])
  }
  return { words, given }
}

/** One line for each flag on the command line that only the other plane would heed. Variables are left alone: one file of them may serve both. */
export function misplacedFlags({ given }: Arguments, plane: 'both' | 'control' | 'relay'): string[] {
  const flags: Record<FlagName, Flag> = FLAGS
  return [...given.keys()]
    .filter((name) => plane !== 'both' && (flags[name].plane ?? plane) !== plane)
    .map(
      (name) =>
        `--${name}: is for the ${flags[name].plane === 'relay' ? 'relay' : 'control plane'}, which --plane ${plane} leaves out`,
    )
}

function isFlag(name: string): name is FlagName {
  return Object.hasOwn(FLAGS, name)
}

/** One line for each flag: its value, its environment variable, its meaning. */
export function describeFlags(): string {
  return Object.entries<Flag>(FLAGS)
    .map(([name, { value, env, about }]) => `  --${[name, value].filter(Boolean).join(' ')}\n      ${about} [${env}]`)
    .join('\n')
}
