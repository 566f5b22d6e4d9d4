import type { Reader, Tx } from '../storage/database.ts'
import { bytes, text } from '../storage/row.ts'

/** One mutation by one caller: what scopes its idempotency key. */
export interface Call {
  readonly callerId: string
  readonly procedure: string
  readonly key: string
}

export interface Stored {
  readonly fingerprint: Uint8Array
  readonly reply: string
}

export async function findReply(tx: Reader, { callerId, procedure, key }: Call): Promise<Stored | undefined> {
  const row = await tx.get(
    'SELECT fingerprint, reply FROM idempotency WHERE caller_id = $1 AND procedure = $2 AND idempotency_key = $3',
    [callerId, procedure, key],
  )
  return row && { fingerprint: bytes(row, 'fingerprint'), reply: text(row, 'reply') }
}

/** Take a key. On an engine with several writers this waits for another transaction that took it. @returns `false` if it is taken: nothing was written. */
export async function insertKey(tx: Tx, call: Call, fingerprint: Uint8Array, atMs: number): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO idempotency (caller_id, procedure, idempotency_key, fingerprint, reply, at_ms)
     VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT DO NOTHING`,
    [call.callerId, call.procedure, call.key, fingerprint, atMs],
  )
  return changed === 1
}

/** Keep the reply of the call whose key this transaction took. */
export async function updateReply(tx: Tx, call: Call, reply: string): Promise<void> {
  await tx.run('UPDATE idempotency SET reply = $4 WHERE caller_id = $1 AND procedure = $2 AND idempotency_key = $3', [
    call.callerId,
    call.procedure,
    call.key,
    reply,
  ])
}

/** Delete replies of before an instant, at most `limit`. @returns how many. */
export function deleteRepliesBefore(tx: Tx, atMs: number, limit: number): Promise<number> {
  return tx.run(
    `DELETE FROM idempotency WHERE (caller_id, procedure, idempotency_key) IN
       (SELECT caller_id, procedure, idempotency_key FROM idempotency WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)`,
    [atMs, limit],
  )
}
