import { IDEMPOTENCY_KEY_CHARS_MAX } from '@agent-marketplace/protocol'
import { usage } from './cli-error.ts'

const KEY = new RegExp(`^[A-Za-z0-9_-]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$`)

/** @throws CliError `usage` for a key the platform would not take. */
export function parseIdempotencyKey(text: string): string {
  if (!KEY.test(text)) throw usage(`an idempotency key is 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} letters, digits, _ and -`)
  return text
}
