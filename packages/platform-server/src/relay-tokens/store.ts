import { RELAY_TOKENS_PER_EPOCH, RelayTokenClass } from '@agent-marketplace/protocol'
import type { Reader, Row, Tx } from '../storage/database.ts'
import { bytes, integer, text } from '../storage/row.ts'

/** What a key is for. */
export interface KeyName {
  readonly epoch: number
  readonly tokenClass: RelayTokenClass
}

export interface StoredKey extends KeyName {
  /** The public half, 256 bytes. */
  readonly modulus: Uint8Array
  readonly sealedPrivateKey: Uint8Array
}

export async function findKey(reader: Reader, { epoch, tokenClass }: KeyName): Promise<StoredKey | undefined> {
  const row = await reader.get('SELECT * FROM relay_token_keys WHERE epoch = $1 AND class = $2', [epoch, tokenClass])
  return row && parseKey(row)
}

/** @returns all keys, oldest epoch first. */
export async function listKeys(reader: Reader): Promise<StoredKey[]> {
  return (await reader.all('SELECT * FROM relay_token_keys ORDER BY epoch, class')).map(parseKey)
}

/** Keep a key, unless another process was faster. */
export async function insertKey(tx: Tx, { epoch, tokenClass, modulus, sealedPrivateKey }: StoredKey): Promise<void> {
  await tx.run(
    'INSERT INTO relay_token_keys (epoch, class, modulus, sealed_private_key) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [epoch, tokenClass, modulus, sealedPrivateKey],
  )
}

/** One agent's tokens of one key. */
export interface Draw extends KeyName {
  readonly agentId: string
}

/** @returns how many tokens of a class an agent has drawn in an epoch. */
export async function findDrawn(reader: Reader, { agentId, epoch, tokenClass }: Draw): Promise<number> {
  const row = await reader.get('SELECT drawn FROM relay_token_draws WHERE agent_id = $1 AND epoch = $2 AND class = $3', [
    agentId,
    epoch,
    tokenClass,
  ])
  return row ? integer(row, 'drawn') : 0
}

/** Count tokens that are drawn; the guard is in the statement. @returns `false` if the allowance does not reach: nothing was written. */
export async function addDrawn(tx: Tx, { agentId, epoch, tokenClass }: Draw, count: number): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO relay_token_draws (agent_id, epoch, class, drawn) VALUES ($1, $2, $3, $4)
     ON CONFLICT (agent_id, epoch, class) DO UPDATE SET drawn = relay_token_draws.drawn + excluded.drawn
     WHERE relay_token_draws.drawn + excluded.drawn <= $5`,
    [agentId, epoch, tokenClass, count, RELAY_TOKENS_PER_EPOCH[tokenClass]],
  )
  return changed === 1
}

/** Forget the keys and counts of all epochs before one. @returns how many rows. */
/** Delete counts of epochs that are over, at most `limit`. @returns how many. */
export function deleteDrawsBefore(tx: Tx, epoch: number, limit: number): Promise<number> {
  return tx.run(
    `DELETE FROM relay_token_draws WHERE (agent_id, epoch, class) IN
       (SELECT agent_id, epoch, class FROM relay_token_draws WHERE epoch < $1 ORDER BY epoch LIMIT $2)`,
    [epoch, limit],
  )
}

export async function deleteEpochsBefore(tx: Tx, epoch: number): Promise<number> {
  const draws = await tx.run('DELETE FROM relay_token_draws WHERE epoch < $1', [epoch])
  return draws + (await tx.run('DELETE FROM relay_token_keys WHERE epoch < $1', [epoch]))
}

function parseKey(row: Row): StoredKey {
  return {
    epoch: integer(row, 'epoch'),
    tokenClass: RelayTokenClass.parse(text(row, 'class')),
    modulus: bytes(row, 'modulus'),
    sealedPrivateKey: bytes(row, 'sealed_private_key'),
  }
}
