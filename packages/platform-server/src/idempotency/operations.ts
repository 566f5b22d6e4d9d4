import { hash, timingSafeEqual } from 'node:crypto'
import { IDEMPOTENCY_KEPT_MS } from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { forgetDue } from '../forget-due.ts'
import { OutcomeUnknown, type Tx } from '../storage/database.ts'
import { type Call, deleteRepliesBefore, findReply, insertKey, type Stored, updateReply } from './store.ts'

export type { Call } from './store.ts'

/**
 * Do a mutation once per idempotency key. Key, fingerprint and reply commit with the effect; a refused attempt stores nothing.
 *
 * The key is written before the work begins, so that of many senders one works and the others wait for its reply; were it written after,
 * they would work too and be refused by guards that the first one's effect has moved.
 *
 * @param input - The parsed input, or the part of it that makes two calls the same call. Only its fingerprint is kept.
 * @param work - The effect; its value must survive JSON.
 * @throws Refusal `idempotency_key_reused` when the key was used with another input, `idempotency_in_progress` when its reply is not there to be read yet.
 */
export function once<T>(deps: Deps, call: Call, input: unknown, work: (tx: Tx) => Promise<T>): Promise<T> {
  const fingerprint = fingerprintOf(input)
  const attempt = () =>
    deps.db.write(async (tx) => {
      if (!(await insertKey(tx, call, fingerprint, deps.now()))) return (await replay(tx, call, fingerprint)) as T
      const reply = await work(tx)
      await updateReply(tx, call, JSON.stringify(reply))
      return reply
    })
  // Where the answer to a commit was lost, the key tells: it is there with its reply, or the work is still to be done.
  return attempt().catch((error: unknown) => {
    if (error instanceof OutcomeUnknown) return attempt()
    throw error
  })
}

/**
 * Look the reply of an earlier call up, before work that costs too much to be done inside of `once` or in vain.
 *
 * @returns `undefined` if there is none yet.
 * @throws Refusal `idempotency_key_reused` as `once` does.
 */
export function recall<T>(deps: Deps, call: Call, input: unknown): Promise<T | undefined> {
  const fingerprint = fingerprintOf(input)
  return deps.db.read(async (reader) => {
    const stored = await findReply(reader, call)
    return stored && (readReply(stored, fingerprint) as T)
  })
}

async function replay(tx: Tx, call: Call, fingerprint: Uint8Array): Promise<unknown> {
  const stored = await findReply(tx, call)
  if (!stored) throw new Refusal('idempotency_in_progress', 'the same call is under way', { retryAfterMs: 100 })
  return readReply(stored, fingerprint)
}

function readReply(stored: Stored, fingerprint: Uint8Array): unknown {
  if (!timingSafeEqual(stored.fingerprint, fingerprint)) {
    throw new Refusal('idempotency_key_reused', 'this idempotency key was used with another input')
  }
  return JSON.parse(stored.reply)
}

function fingerprintOf(input: unknown): Uint8Array {
  return hash('sha256', JSON.stringify(input), 'buffer')
}

/** Forget replies older than seven days. */
export function sweepReplies(deps: Deps): Promise<number> {
  return forgetDue(deps.db, (tx, limit) => deleteRepliesBefore(tx, deps.now() - IDEMPOTENCY_KEPT_MS, limit))
}
