import type { Invite } from '@agent-marketplace/protocol'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { integer, maybeInteger, text } from '../storage/row.ts'

export async function insertInvite(tx: Tx, invite: Invite, by: { tokenHash: Uint8Array; operatorId: string }): Promise<void> {
  const { inviteId, uses, usesLeft, createdAtMs, expiresAtMs } = invite
  await tx.run(
    `INSERT INTO invites (invite_id, token_hash, operator_id, uses, uses_left, created_at_ms, expires_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [inviteId, by.tokenHash, by.operatorId, uses, usesLeft, createdAtMs, expiresAtMs],
  )
}

/** Use an invite once. The guard is in the statement. @returns `false` if there is none that admits anybody: nothing was written. */
export async function takeInvite(tx: Tx, tokenHash: Uint8Array, nowMs: number): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE invites SET uses_left = uses_left - 1
     WHERE token_hash = $1 AND uses_left > 0 AND expires_at_ms > $2 AND revoked_at_ms IS NULL`,
    [tokenHash, nowMs],
  )
  return changed === 1
}

/** @returns `false` if it is revoked already: nothing was written. */
export async function markRevoked(tx: Tx, inviteId: string, nowMs: number): Promise<boolean> {
  const sql = 'UPDATE invites SET revoked_at_ms = $2 WHERE invite_id = $1 AND revoked_at_ms IS NULL'
  return (await tx.run(sql, [inviteId, nowMs])) === 1
}

export async function findInvite(reader: Reader, inviteId: string): Promise<Invite | undefined> {
  const row = await reader.get('SELECT * FROM invites WHERE invite_id = $1', [inviteId])
  return row && parseInvite(row)
}

/** Invites that were not swept yet, newest first. */
export async function listInviteRecords(
  reader: Reader,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<Invite[]> {
  const rows = await reader.all(`SELECT * FROM invites WHERE $1 = '' OR invite_id < $1 ORDER BY invite_id DESC LIMIT $2`, [
    before ?? '',
    limit,
  ])
  return rows.map(parseInvite)
}

/** Delete invites that have expired, at most `limit`. @returns how many. */
export function deleteExpiredInvites(tx: Tx, nowMs: number, limit: number): Promise<number> {
  return tx.run(
    'DELETE FROM invites WHERE invite_id IN (SELECT invite_id FROM invites WHERE expires_at_ms < $1 ORDER BY expires_at_ms LIMIT $2)',
    [nowMs, limit],
  )
}

function parseInvite(row: Row): Invite {
  const revokedAtMs = maybeInteger(row, 'revoked_at_ms')
  return {
    inviteId: text(row, 'invite_id'),
    uses: integer(row, 'uses'),
    usesLeft: integer(row, 'uses_left'),
    createdAtMs: integer(row, 'created_at_ms'),
    expiresAtMs: integer(row, 'expires_at_ms'),
    ...(revokedAtMs !== undefined && { revokedAtMs }),
  }
}
