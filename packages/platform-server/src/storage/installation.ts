import { randomBytes } from 'node:crypto'
import type { Database } from './database.ts'
import { bytes } from './row.ts'

/** @returns the id that names this installation, base64url of 16 random bytes, made with the first start. */
export function loadInstanceId(db: Database, nowMs: number): Promise<string> {
  return db.write(async (tx) => {
    const row = await tx.get('SELECT instance_id FROM installation')
    if (row) return Buffer.from(bytes(row, 'instance_id')).toString('base64url')
    const instanceId = randomBytes(16)
    await tx.run('INSERT INTO installation (instance_id, created_at_ms) VALUES ($1, $2)', [instanceId, nowMs])
    return instanceId.toString('base64url')
  })
}
