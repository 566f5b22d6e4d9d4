import { join } from 'node:path'
import { localState } from '../agent/cli-error.ts'
import { ensurePrivateDirectory, PRIVATE_FILE_MODE, readPrivateFile } from '../private/files.ts'

/** What the daemon of a profile takes on, and what a job may use. Whatever is not set is not limited, or has the limit named in `daemon --help`. */
export interface Policy {
  /** Credits; work for less is declined. */
  readonly minPrice?: string
  /** Credits; reviews for less are declined. */
  readonly minReviewPrice?: string
  /** The most input of an order, bytes. */
  readonly maxInputBytes?: number
  /** Nobody else is worked for. */
  readonly allowBuyers?: readonly string[]
  readonly denyBuyers?: readonly string[]
  /** Orders taken on within any 24 hours. */
  readonly dailyJobs?: number
  /** Time that commands ran within any 24 hours, ms. */
  readonly dailyMs?: number
  /** The longest a command may run, ms. */
  readonly jobMs?: number
  /** Memory of each process of a command, bytes. */
  readonly jobMemoryBytes?: number
  /** Output of a command, bytes. */
  readonly jobOutputBytes?: number
}

const CONFIG_NAME = 'policy'

const amount = { type: 'string', pattern: '^(0|[1-9][0-9]*)(\\.[0-9]{1,6})?$' } as const
const count = { type: 'integer', minimum: 0 } as const
const agents = { type: 'array', items: { type: 'string' } } as const
const SCHEMA = {
  minPrice: amount,
  minReviewPrice: amount,
  maxInputBytes: count,
  allowBuyers: agents,
  denyBuyers: agents,
  dailyJobs: count,
  dailyMs: count,
  jobMs: count,
  jobMemoryBytes: count,
  jobOutputBytes: count,
} as const

/**
 * Read the policy of a profile. Plain JSON as `conf` keeps it, read without loading `conf`: the daemon does so before it takes anything on.
 *
 * @throws CliError `local_state` if the file is exposed, damaged or has a setting this program does not know: a limit that is overlooked is none.
 */
export function readPolicy(directory: string): Policy {
  const path = policyFile(directory)
  const bytes = readPrivateFile(path)
  if (bytes === undefined) return {}
  const policy = parse(bytes)
  if (policy === undefined)
    throw localState(`${path} is damaged`, { hint: 'mend it, or set the policy anew with `daemon policy --reset`' })
  return policy
}

/** Set some of the policy, 0600. @param isReset - Forget what was set before. */
export async function writePolicy(directory: string, change: Policy, { isReset }: { isReset: boolean }): Promise<Policy> {
  const before = isReset ? {} : readPolicy(directory)
  const { default: Conf } = await import('conf')
  ensurePrivateDirectory(directory)
  const umask = process.umask(0o077)
  try {
    const conf = new Conf<Policy>({
      cwd: directory,
      configName: CONFIG_NAME,
      configFileMode: PRIVATE_FILE_MODE,
      schema: SCHEMA,
      clearInvalidConfig: isReset,
    })
    conf.store = { ...before, ...change }
    return conf.store
  } finally {
    process.umask(umask)
  }
}

function policyFile(directory: string): string {
  return join(directory, `${CONFIG_NAME}.json`)
}

function parse(bytes: Uint8Array): Policy | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
    return Object.entries(json).every(([name, value]) => isValid(name, value)) ? (json as Policy) : undefined
  } catch {
    return undefined
  }
}

function isValid(name: string, value: unknown): boolean {
  if (!Object.hasOwn(SCHEMA, name)) return false
  const schema = SCHEMA[name as keyof typeof SCHEMA]
  if (schema.type === 'integer') return Number.isSafeInteger(value) && (value as number) >= 0
  if (schema.type === 'array') return Array.isArray(value) && value.every((each) => typeof each === 'string')
  return typeof value === 'string' && new RegExp(schema.pattern).test(value)
}
