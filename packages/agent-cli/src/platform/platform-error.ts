import { WireError } from '@agent-marketplace/protocol'
import { TRPCClientError } from '@trpc/client'
import { CliError } from '../agent/cli-error.ts'

/** What a failed call means: the refusal of the platform with its code, or why there was no answer. */
export function toCliError(error: unknown, signal?: AbortSignal): CliError {
  if (error instanceof CliError) return error
  if (signal?.aborted) return new CliError('interrupted', 'interrupted', { cause: error })
  if (!(error instanceof TRPCClientError)) return new CliError('bad_answer', 'the answer cannot be read', { cause: error })
  if (error.cause instanceof CliError) return error.cause
  if (isTimeout(error)) return new CliError('unreachable', 'the platform did not answer in time', { cause: error })

  const wire = WireError.safeParse(error.data)
  if (!wire.success)
    return new CliError('bad_answer', 'the platform refused in a way this version does not understand', { cause: error })
  const { code, message, requestId, retryAfterMs, hint } = wire.data
  return new CliError(code, message, { requestId, retryAfterMs, hint })
}

function isTimeout(error: Error): boolean {
  const { cause } = error
  const names = [error.name, error.message, cause instanceof Error ? cause.name : '']
  return names.includes('AbortError') || names.includes('TimeoutError')
}
