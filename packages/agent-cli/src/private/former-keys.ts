import type { Vault } from './vault.ts'

/** A key an agent had before the pinned one. */
export interface FormerKey {
  readonly signKey: Uint8Array
  /** Until when a message signed by it is still read, ms; the past for a key that was taken over. */
  readonly readUntilMs: number
}

interface FormerRow {
  sign_key: Uint8Array
  read_until_ms: number
}

/** Note keys that an agent had before. */
export function keepFormerKeys(vault: Vault, agentId: string, keys: readonly FormerKey[]): void {
  for (const { signKey, readUntilMs } of keys)
    vault.run('INSERT OR REPLACE INTO former_keys VALUES (?, ?, ?)', agentId, signKey, readUntilMs)
}

/** No message under a key from before is read any more. */
export function endFormerKeys(vault: Vault, agentId: string): void {
  vault.run('UPDATE former_keys SET read_until_ms = 0 WHERE agent_id = ?', agentId)
}

/** Whether a message under a key from before is still read: it may have been on its way when the key changed. */
export function isStillRead(vault: Vault, agentId: string, signKey: Uint8Array, nowMs: number): boolean {
  const sql = 'SELECT 1 FROM former_keys WHERE agent_id = ? AND sign_key = ? AND read_until_ms > ?'
  return vault.get(sql, agentId, signKey, nowMs) !== undefined
}

/** Every key from before. */
export function listFormerKeys(vault: Vault, agentId: string): FormerKey[] {
  return vault
    .all<FormerRow>('SELECT sign_key, read_until_ms FROM former_keys WHERE agent_id = ?', agentId)
    .map((row) => ({ signKey: row.sign_key, readUntilMs: row.read_until_ms }))
}
