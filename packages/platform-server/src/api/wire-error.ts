import { type ErrorCode, statusOf, type WireError } from '@agent-marketplace/protocol'
import { TRPCError } from '@trpc/server'
import { type core, ZodError } from 'zod'
import { Refusal } from '../errors.ts'

/** A message says no more than this many things that are wrong with an input. */
const ISSUES_MAX = 5
const MESSAGE_CHARS_MAX = 200

/**
 * The refusal behind what a procedure threw.
 *
 * @returns `undefined` for a fault: output that does not fit its schema, or anything else that is unexpected.
 */
export function findRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  if (!(error instanceof TRPCError)) return undefined
  const { cause, code } = error
  if (cause instanceof Refusal) return cause
  // Only the validation of an input is a bad request; a schema that fails behind it has read what we wrote ourselves.
  return code === 'BAD_REQUEST' && cause instanceof ZodError ? refuseInput(cause) : undefined
}

function refuseInput({ issues }: ZodError): Refusal {
  const told = issues.slice(0, ISSUES_MAX).map((issue) => `${['input', ...issue.path].join('.')}: ${describeIssue(issue)}`)
  return new Refusal('invalid_input', told.join('; ').slice(0, MESSAGE_CHARS_MAX))
}

/** The rule that was broken, as the schema states it: never the value, and never the name of an unknown field. */
function describeIssue(issue: core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}`
    case 'too_small':
      return `at least ${issue.minimum}`
    case 'too_big':
      return `at most ${issue.maximum}`
    case 'invalid_value':
      return `expected ${issue.values.join(' or ')}`
    case 'unrecognized_keys':
      return 'unknown field'
    case 'custom':
      return `expected ${issue.message}`
    default:
      return issue.code.replaceAll('_', ' ')
  }
}

/** What is told about a fault: nothing. */
export const FAULT = new Refusal('fault', 'internal fault')

/** The body of a refusal as the tRPC wire has it; at most 1 KiB. */
export function errorBody(refusal: Refusal, requestId: string): string {
  const { code, retryAfterMs, hint } = refusal
  const message = refusal.message.slice(0, MESSAGE_CHARS_MAX)
  const data: WireError = {
    code,
    message,
    requestId,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(hint !== undefined && { hint }),
  }
  return JSON.stringify({ error: { message, code: rpcCodeOf(code), data } })
}

/** JSON-RPC number of a code: tRPC ends it with the digits of the HTTP status, but for the two that JSON-RPC has itself. */
function rpcCodeOf(code: ErrorCode): number {
  const status = statusOf(code)
  if (status >= 500) return -32_603
  return status === 400 || status === 431 ? -32_600 : -32_000 - (status - 400)
}
