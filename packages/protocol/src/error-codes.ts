/** What a code means for a caller: the HTTP status it travels with and the exit code of the CLI. */
interface Meaning {
  readonly status: number
  readonly exit: number
}

/** Exit codes of the CLI. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  denied: 3,
  notFound: 4,
  refused: 5,
  retryable: 6,
  localState: 7,
  keyChanged: 8,
  interrupted: 130,
} as const

/** The closed list of error codes on the wire. A code without a status and an exit code does not compile. */
export const ERROR_CODES = {
  invalid_input: { status: 400, exit: EXIT.usage },
  idempotency_key_missing: { status: 400, exit: EXIT.usage },
  unauthenticated: { status: 401, exit: EXIT.denied },
  session_expired: { status: 401, exit: EXIT.denied },
  insufficient_funds: { status: 402, exit: EXIT.refused },
  forbidden: { status: 403, exit: EXIT.denied },
  agent_suspended: { status: 403, exit: EXIT.denied },
  agent_pending: { status: 403, exit: EXIT.denied },
  not_found: { status: 404, exit: EXIT.notFound },
  method_not_allowed: { status: 405, exit: EXIT.bug },
  request_timeout: { status: 408, exit: EXIT.retryable },
  already_exists: { status: 409, exit: EXIT.refused },
  wrong_state: { status: 409, exit: EXIT.refused },
  idempotency_in_progress: { status: 409, exit: EXIT.retryable },
  already_settled: { status: 409, exit: EXIT.refused },
  capacity_exceeded: { status: 409, exit: EXIT.refused },
  assignment_not_funded: { status: 409, exit: EXIT.refused },
  self_dealing: { status: 409, exit: EXIT.refused },
  stale_lease: { status: 412, exit: EXIT.refused },
  too_large: { status: 413, exit: EXIT.usage },
  unsupported_media_type: { status: 415, exit: EXIT.bug },
  idempotency_key_reused: { status: 422, exit: EXIT.refused },
  rate_limited: { status: 429, exit: EXIT.retryable },
  headers_too_large: { status: 431, exit: EXIT.bug },
  fault: { status: 500, exit: EXIT.retryable },
  overloaded: { status: 503, exit: EXIT.retryable },
  storage_full: { status: 503, exit: EXIT.retryable },
  shutting_down: { status: 503, exit: EXIT.retryable },
  unavailable: { status: 503, exit: EXIT.retryable },
} as const satisfies Record<string, Meaning>

export type ErrorCode = keyof typeof ERROR_CODES

/** @returns the HTTP status a code travels with. */
export function statusOf(code: ErrorCode): number {
  return ERROR_CODES[code].status
}

/** @returns whether a string from the wire is a code of the closed list. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}
