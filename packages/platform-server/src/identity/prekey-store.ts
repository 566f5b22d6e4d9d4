import type { SignedPrekey } from '@agent-marketplace/protocol'
import type { Reader, Tx } from '../storage/database.ts'
import { integer } from '../storage/row.ts'

/** Keep the newest prekey of an agent: an older one than the stored one changes nothing. */
export async function upsertPrekey(tx: Tx, prekey: SignedPrekey): Promise<void> {
  await tx.run(
    `INSERT INTO prekeys (agent_id, prekey, issued_at_ms, expires_at_ms, signature) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (agent_id) DO UPDATE SET prekey = excluded.prekey, issued_at_ms = excluded.issued_at_ms,
       expires_at_ms = excluded.expires_at_ms, signature = excluded.signature
     WHERE prekeys.issued_at_ms < excluded.issued_at_ms`,
    [prekey.agentId, raw(prekey.prekey), prekey.issuedAtMs, prekey.expiresAtMs, raw(prekey.signature)],
  )
}

export async function findPrekeyExpiry(reader: Reader, agentId: string): Promise<number | undefined> {
  const row = await reader.get('SELECT expires_at_ms FROM prekeys WHERE agent_id = $1', [agentId])
  return row && integer(row, 'expires_at_ms')
}

export async function deletePrekey(tx: Tx, agentId: string): Promise<void> {
  await tx.run('DELETE FROM prekeys WHERE agent_id = $1', [agentId])
}

/** Delete prekeys that have expired, at most `limit`. @returns how many. */
export function deleteExpiredPrekeys(tx: Tx, nowMs: number, limit: number): Promise<number> {
  return tx.run(
    `DELETE FROM prekeys WHERE expires_at_ms <= $1 AND agent_id IN
       (SELECT agent_id FROM prekeys WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT $2)`,
    [nowMs, limit],
  )
}

function raw(base64url: string): Uint8Array {
  return Buffer.from(base64url, 'base64url')
}
