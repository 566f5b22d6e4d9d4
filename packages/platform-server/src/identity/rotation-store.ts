import { type Endorsement, fromBase64url, type Rotation, type SignedCard, toBase64url } from '@agent-marketplace/protocol'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { bytes, integer } from '../storage/row.ts'
import type { AgentRow } from './agent-store.ts'
import type { VerifiedCard } from './card-rules.ts'

/** Keep both cards of a change of key and why the one follows from the other. */
export async function insertRotation(
  tx: Tx,
  { known, next, endorsement }: { known: AgentRow; next: VerifiedCard; endorsement: Endorsement },
): Promise<void> {
  await tx.run(
    `INSERT INTO rotations (agent_id, card_seq, card_bytes, card_signature, previous_card_bytes, previous_card_signature, endorsement, recovery_key)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      known.agentId,
      next.card.seq,
      next.cardBytes,
      next.signature,
      known.cardBytes,
      known.cardSignature,
      raw(endorsement.signature),
      endorsement.recoveryKey === undefined ? null : raw(endorsement.recoveryKey),
    ],
  )
}

/** Changes of key after a card, oldest first. */
export async function listRotationRecords(
  reader: Reader,
  { agentId, afterSeq, limit }: { agentId: string; afterSeq: number; limit: number },
): Promise<Rotation[]> {
  const sql = 'SELECT * FROM rotations WHERE agent_id = $1 AND card_seq > $2 ORDER BY card_seq LIMIT $3'
  return (await reader.all(sql, [agentId, afterSeq, limit])).map(parseRotation)
}

function parseRotation(row: Row): Rotation {
  return {
    seq: integer(row, 'card_seq'),
    previousCard: signedCard(row, 'previous_card_bytes', 'previous_card_signature'),
    card: signedCard(row, 'card_bytes', 'card_signature'),
    endorsement: {
      signature: toBase64url(bytes(row, 'endorsement')),
      ...(row.recovery_key !== null && { recoveryKey: toBase64url(bytes(row, 'recovery_key')) }),
    },
  }
}

function signedCard(row: Row, cardBytes: string, signature: string): SignedCard {
  return { cardBytes: toBase64url(bytes(row, cardBytes)), signature: toBase64url(bytes(row, signature)) }
}

function raw(base64url: string): Uint8Array {
  return fromBase64url(base64url) ?? new Uint8Array()
}
