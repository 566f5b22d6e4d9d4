import { randomBytes } from 'node:crypto'
import type { Database, Reader } from './database.ts'
import { bytes } from './row.ts'

const INSTANCE_ID_BYTES = 16

/** @returns the id that names this installation, base64url of 16 random bytes, made with the first start. */
export function loadInstanceId(db: Database, nowMs: number): Promise<string> {
  return db.write(async (tx) => {
    const known = await findInstanceId(tx)
    if (known !== undefined) return known
    const made = [randomBytes(INSTANCE_ID_BYTES), nowMs]
    await tx.run('INSERT INTO installation (instance_id, created_at_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING', made)
    const instanceId = await findInstanceId(tx)
    if (instanceId === undefined) throw new Error('the id was just written')
    return instanceId
  })
}

/** @returns the id of this installation, `undefined` if no server was started on it yet. */
export async function findInstanceId(reader: Reader): Promise<string | undefined> {
  const row = await reader.get('SELECT instance_id FROM installation')
  return row && Buffer.from(bytes(row, 'instance_id')).toString('base64url')
}
