import { AgentId, parseAmount } from '@agent-marketplace/protocol'
import type { Policy } from '../settings/policy.ts'
import { usage } from './cli-error.ts'
import { parseDuration } from './duration.ts'
import { parseSize } from './size.ts'

/** A policy as it is typed. */
export interface PolicyText {
  readonly 'min-price'?: string | undefined
  readonly 'min-review-price'?: string | undefined
  readonly 'max-input'?: string | undefined
  readonly 'allow-buyer'?: readonly string[] | undefined
  readonly 'deny-buyer'?: readonly string[] | undefined
  readonly 'daily-jobs'?: number | undefined
  readonly 'daily-time'?: string | undefined
  readonly 'job-time'?: string | undefined
  readonly 'job-memory'?: string | undefined
  readonly 'job-output'?: string | undefined
}

/** Less than a shell and what it starts need. */
const MEMORY_BYTES_MIN = 16 * 1024 ** 2

/**
 * Read the flags of a policy.
 *
 * @returns What is named and nothing else.
 * @throws CliError `usage` for an amount, an agent id, a duration or a size that is none, and for limits that would end every command.
 */
export function parsePolicy(text: PolicyText): Policy {
  const policy = {
    minPrice: amountOf(text, 'min-price'),
    minReviewPrice: amountOf(text, 'min-review-price'),
    maxInputBytes: given(text['max-input'], parseSize),
    allowBuyers: agentsOf(text, 'allow-buyer'),
    denyBuyers: agentsOf(text, 'deny-buyer'),
    dailyJobs: text['daily-jobs'],
    dailyMs: given(text['daily-time'], parseDuration),
    jobMs: given(text['job-time'], parseDuration),
    jobMemoryBytes: given(text['job-memory'], parseSize),
    jobOutputBytes: given(text['job-output'], parseSize),
  }
  if (policy.jobMs === 0) throw usage('--job-time leaves no command any time')
  if (policy.jobOutputBytes === 0) throw usage('--job-output leaves no command any room')
  if (policy.jobMemoryBytes !== undefined && policy.jobMemoryBytes < MEMORY_BYTES_MIN)
    throw usage('--job-memory is at least 16MiB')
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined)) as Policy
}

function amountOf(text: PolicyText, flag: 'min-price' | 'min-review-price'): string | undefined {
  const amount = text[flag]
  if (amount !== undefined && parseAmount(amount) === undefined)
    throw usage(`--${flag} is an amount of credits, such as 5 or 0.25`)
  return amount
}

function agentsOf(text: PolicyText, flag: 'allow-buyer' | 'deny-buyer'): readonly string[] | undefined {
  const agents = text[flag]
  if (agents?.some((agent) => !AgentId.safeParse(agent).success)) throw usage(`--${flag} is the id of an agent`)
  return agents
}

function given<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text)
}
