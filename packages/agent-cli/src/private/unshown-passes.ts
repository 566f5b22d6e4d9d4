import type { Vault } from './vault.ts'

/** A word of the platform that work has passed, which nothing that was signed bore out. */
export interface UnshownPass {
  readonly assignmentId: string
  readonly attempt: number
  readonly reason: string
}

/** Keep what the platform said and showed, once for each reason. @param said - As JSON. */
export function keepUnshownPass(
  vault: Vault,
  { assignmentId, attempt, reason }: UnshownPass,
  said: unknown,
  nowMs: number,
): void {
  const sql = 'INSERT OR IGNORE INTO unshown_passes VALUES (?, ?, ?, ?, ?)'
  vault.run(sql, assignmentId, attempt, reason, JSON.stringify(said), nowMs)
}

/** Those whose keys are still kept from everybody. */
export function listUnshownPasses(vault: Vault): UnshownPass[] {
  return vault.all<UnshownPass>(
    `SELECT assignment_id AS assignmentId, attempt, reason FROM unshown_passes JOIN submissions USING (assignment_id, attempt)
     WHERE state IN ('sealed', 'submitted') ORDER BY seen_at_ms`,
  )
}
