import { INVITE_LIFETIME_MAX_MS, type Invite, InviteId } from '@agent-marketplace/protocol'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { notFound, Refusal } from '../errors.ts'
import { cutPage, readCursor } from '../page.ts'
import type { Tx } from '../storage/database.ts'
import { findInvite, insertInvite, listInviteRecords, markRevoked } from './invite-store.ts'
import { hashToken, makeToken } from './token.ts'

/**
 * Make an invite. Only the hash of its token is stored: the caller is the last to know the token.
 *
 * @throws Refusal `invalid_input` for one that would expire at once, or later than in a year.
 */
export async function makeInvite(
  deps: Deps,
  tx: Tx,
  { operatorId, uses, expiresAtMs }: { operatorId: string; uses: number; expiresAtMs: number },
): Promise<{ invite: Invite; token: string }> {
  const nowMs = deps.now()
  if (expiresAtMs <= nowMs || expiresAtMs > nowMs + INVITE_LIFETIME_MAX_MS)
    throw new Refusal('invalid_input', 'an invite expires in the future, within 365 days')
  const token = makeToken('invite')
  const invite: Invite = { inviteId: deps.newId('inv'), uses, usesLeft: uses, createdAtMs: nowMs, expiresAtMs }
  await insertInvite(tx, invite, { tokenHash: hashToken(token), operatorId })
  return { invite, token }
}

/** Let an invite admit nobody any more. @throws Refusal `not_found`; `wrong_state` if it is revoked already. */
export async function revokeInvite(deps: Deps, tx: Tx, inviteId: string): Promise<Invite> {
  const invite = await findInvite(tx, inviteId)
  if (!invite) throw notFound('invite')
  const revokedAtMs = deps.now()
  if (!(await markRevoked(tx, inviteId, revokedAtMs))) throw new Refusal('wrong_state', 'the invite is revoked')
  return { ...invite, revokedAtMs }
}

/** Invites that have not expired, newest first. */
export async function listInvites(
  deps: Deps,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ invites: Invite[]; nextCursor?: string }> {
  const [before] = readCursor(z.tuple([InviteId]), cursor) ?? []
  const rows = await deps.db.read((reader) => listInviteRecords(reader, { before, limit: limit + 1 }))
  const { items, ...next } = cutPage(rows, limit, (row) => [row.inviteId])
  return { invites: items, ...next }
}
