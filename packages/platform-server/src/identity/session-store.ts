import type { Reader, Tx } from '../storage/database.ts'
import { integer } from '../storage/row.ts'
import { type AgentRow, parseStanding } from './agent-store.ts'

/** @returns `false` if this nonce was used before. */
export async function insertNonce(tx: Tx, agentId: string, nonce: string, expiresAtMs: number): Promise<boolean> {
  const changed = await tx.run(
    'INSERT INTO login_nonces (agent_id, nonce, expires_at_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [agentId, Buffer.from(nonce, 'base64url'), expiresAtMs],
  )
  return changed === 1
}

/** Add a session; of the others the oldest end, so that `max` remain. */
export async function insertSession(
  tx: Tx,
  { tokenHash, agentId, expiresAtMs, max }: { tokenHash: Uint8Array; agentId: string; expiresAtMs: number; max: number },
): Promise<void> {
  await tx.run(
    `DELETE FROM login_sessions WHERE agent_id = $1 AND token_hash NOT IN
       (SELECT token_hash FROM login_sessions WHERE agent_id = $1 ORDER BY expires_at_ms DESC, token_hash LIMIT $2)`,
    [agentId, max - 1],
  )
  await tx.run('INSERT INTO login_sessions (token_hash, agent_id, expires_at_ms) VALUES ($1, $2, $3)', [
    tokenHash,
    agentId,
    expiresAtMs,
  ])
}

/** Who a session speaks for: what every authenticated call looks up, and no more of the agent than it needs. */
export async function findSession(
  reader: Reader,
  tokenHash: Uint8Array,
): Promise<(Pick<AgentRow, 'agentId' | 'status' | 'trustTier'> & { expiresAtMs: number }) | undefined> {
  const row = await reader.get(
    'SELECT a.agent_id, a.status, a.trust_tier, s.expires_at_ms FROM login_sessions s JOIN agents a ON a.agent_id = s.agent_id WHERE s.token_hash = $1',
    [tokenHash],
  )
  return row && { ...parseStanding(row), expiresAtMs: integer(row, 'expires_at_ms') }
}

export async function deleteSessionsOf(tx: Tx, agentId: string): Promise<void> {
  await tx.run('DELETE FROM login_sessions WHERE agent_id = $1', [agentId])
}

/** Delete sessions that have expired, at most `limit`. @returns how many. */
export function deleteExpiredSessions(tx: Tx, nowMs: number, limit: number): Promise<number> {
  return tx.run(
    `DELETE FROM login_sessions WHERE token_hash IN
       (SELECT token_hash FROM login_sessions WHERE expires_at_ms < $1 ORDER BY expires_at_ms LIMIT $2)`,
    [nowMs, limit],
  )
}

/** Delete nonces of proofs that are too old by now, at most `limit`. @returns how many. */
export function deleteExpiredNonces(tx: Tx, nowMs: number, limit: number): Promise<number> {
  return tx.run(
    `DELETE FROM login_nonces WHERE (agent_id, nonce) IN
       (SELECT agent_id, nonce FROM login_nonces WHERE expires_at_ms < $1 ORDER BY expires_at_ms LIMIT $2)`,
    [nowMs, limit],
  )
}
