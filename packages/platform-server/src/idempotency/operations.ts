import { createHash, timingSafeEqual } from 'node:crypto'
import { IDEMPOTENCY_KEPT_MS } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import type { Tx } from '../storage/database.ts'
import { appendReply, type Call, deleteRepliesBefore, findReply } from './store.ts'

export type { Call } from './store.ts'

/**
 * Do a mutation once per idempotency key. Key, fingerprint and reply commit with the effect; a refused attempt stores nothing.
 *
 * @param input - The parsed input, or the part of it that makes two calls the same call. Only its fingerprint is kept.
 * @param work - The effect; its value must survive JSON.
 * @throws Refusal `idempotency_key_reused` when the key was used with another input.
 */
export function once<T>(deps: Deps, call: Call, input: unknown, work: (tx: Tx) => Promise<T>): Promise<T> {
  const fingerprint = createHash('sha256').update(JSON.stringify(input)).digest()
  return deps.db.write(async (tx) => {
    const stored = await findReply(tx, call)
    if (stored) {
      if (!timingSafeEqual(stored.fingerprint, fingerprint)) {
        throw new Refusal('idempotency_key_reused', 'this idempotency key was used with another input')
      }
      return JSON.parse(stored.reply) as T
    }
    const reply = await work(tx)
    const stays = await appendReply(tx, call, { fingerprint, reply: JSON.stringify(reply) }, deps.now())
    if (!stays) throw new Refusal('idempotency_in_progress', 'the same call is under way', { retryAfterMs: 100 })
    return reply
  })
}

/** Forget replies older than seven days. */
export function sweepReplies(deps: Deps): Promise<number> {
  return deps.db.write((tx) => deleteRepliesBefore(tx, deps.now() - IDEMPOTENCY_KEPT_MS))
}
