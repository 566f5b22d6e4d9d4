import { type ErrorCode, statusOf } from '@agent-marketplace/protocol'

/** Understood and declined: expected, coded, told to the caller, logged at debug. Everything else that is thrown is a fault. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined
  readonly hint: string | undefined

  /** @param message - What was refused and why, without any id or value of the input. */
  constructor(code: ErrorCode, message: string, more: { retryAfterMs?: number; hint?: string } = {}) {
    super(message)
    this.code = code
    this.retryAfterMs = more.retryAfterMs
    this.hint = more.hint
  }

  get status(): number {
    return statusOf(this.code)
  }
}

/** The one answer for what does not exist and for what is somebody else's. */
export function notFound(noun: string): Refusal {
  return new Refusal('not_found', `no such ${noun}`)
}
