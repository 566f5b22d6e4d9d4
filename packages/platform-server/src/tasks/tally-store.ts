import type { Tx } from '../storage/database.ts'

/** Numbers about an agent that are kept rather than counted, since counting them would cost more the longer it is there. */

/** Count one more open assignment of a buyer. @returns `false` if it has as many as it may: nothing was written. */
export async function addOpenAssignment(tx: Tx, buyerId: string, max: number): Promise<boolean> {
  const changed = await tx.run(
    `INSERT INTO buyer_loads (buyer_id, open_assignments) VALUES ($1, 1)
     ON CONFLICT (buyer_id) DO UPDATE SET open_assignments = buyer_loads.open_assignments + 1 WHERE buyer_loads.open_assignments < $2`,
    [buyerId, max],
  )
  return changed === 1
}

/** An assignment of a buyer has ended. */
export async function removeOpenAssignment(tx: Tx, buyerId: string): Promise<void> {
  await tx.run('UPDATE buyer_loads SET open_assignments = open_assignments - 1 WHERE buyer_id = $1', [buyerId])
}

/** Count one more decided piece of work of an agent. */
export async function recordOutcome(tx: Tx, agentId: string, outcome: 'passed' | 'failed'): Promise<void> {
  const passed = outcome === 'passed' ? 1 : 0
  await tx.run(
    `INSERT INTO reputation (agent_id, passed, failed) VALUES ($1, $2, $3)
     ON CONFLICT (agent_id) DO UPDATE SET passed = reputation.passed + $2, failed = reputation.failed + $3`,
    [agentId, passed, 1 - passed],
  )
}
