import { ERROR_CODES, type ErrorCode, EXIT } from '@agent-marketplace/protocol'

/** Codes that arise on this machine and never travel. */
const LOCAL_EXITS = {
  usage: EXIT.usage,
  unreachable: EXIT.retryable,
  /** Something answered, but not as this platform does. */
  bad_answer: EXIT.retryable,
  local_state: EXIT.localState,
  key_changed: EXIT.keyChanged,
  interrupted: EXIT.interrupted,
} as const

export type CliErrorCode = ErrorCode | keyof typeof LOCAL_EXITS

export interface CliErrorMore {
  /** What the user can do about it. */
  readonly hint?: string | undefined
  readonly requestId?: string | undefined
  readonly retryAfterMs?: number | undefined
  /** Key of the mutation that may or may not have happened: the same command with this key finds out. */
  readonly idempotencyKey?: string | undefined
  readonly cause?: unknown
}

/** An expected failure with a code: becomes an exit code and one line of text (or one JSON document). Never carries a secret. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  readonly hint: string | undefined
  readonly requestId: string | undefined
  readonly retryAfterMs: number | undefined
  readonly idempotencyKey: string | undefined

  constructor(code: CliErrorCode, message: string, more: CliErrorMore = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.hint = more.hint
    this.requestId = more.requestId
    this.retryAfterMs = more.retryAfterMs
    this.idempotencyKey = more.idempotencyKey
  }

  /** The exit code of the process when this ends a command. */
  get exit(): number {
    const { code } = this
    return isLocalCode(code) ? LOCAL_EXITS[code] : ERROR_CODES[code].exit
  }
}

/** Whether somebody cannot be reached, or says that it cannot answer now: not one that answers as nobody should. */
export function isAway(error: unknown): error is CliError {
  return error instanceof CliError && error.exit === EXIT.retryable && error.code !== 'bad_answer'
}

/** The same error, naming the idempotency key under which the command may be repeated. */
export function withIdempotencyKey(error: CliError, idempotencyKey: string): CliError {
  const { hint, requestId, retryAfterMs, cause } = error
  return new CliError(error.code, error.message, { hint, requestId, retryAfterMs, cause, idempotencyKey })
}

/** Something on this machine cannot be used: exit 7. */
export function localState(message: string, more: CliErrorMore = {}): CliError {
  return new CliError('local_state', message, more)
}

/** The command line or a file it names is wrong: exit 2. */
export function usage(message: string, hint?: string): CliError {
  return new CliError('usage', message, { hint })
}

function isLocalCode(code: CliErrorCode): code is keyof typeof LOCAL_EXITS {
  return Object.hasOwn(LOCAL_EXITS, code)
}
