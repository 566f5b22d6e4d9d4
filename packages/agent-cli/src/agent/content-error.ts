import { CliError } from './cli-error.ts'

const CODES = { content_unavailable: 'not_found', content_mismatch: 'wrong_state' } as const

/** What was handed over privately cannot be had: the relay no longer has it, or it is not what its sender said. */
export class ContentError extends CliError {
  readonly fault: keyof typeof CODES

  constructor(fault: keyof typeof CODES, message: string) {
    super(CODES[fault], message)
    this.fault = fault
  }
}
