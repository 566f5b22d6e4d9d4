import type { Vault } from './vault.ts'

/** The epoch of the lease this machine holds, `undefined` if it was never given one. */
export function findLease(vault: Vault, assignmentId: string): number | undefined {
  return vault.get<{ lease_epoch: number }>('SELECT lease_epoch FROM leases WHERE assignment_id = ?', assignmentId)?.lease_epoch
}

/** Note the lease this machine was given. */
export function noteLease(
  vault: Vault,
  { assignmentId, leaseEpoch }: { assignmentId: string; leaseEpoch: number },
  nowMs: number,
): void {
  if (findLease(vault, assignmentId) === leaseEpoch) return
  vault.run('INSERT OR REPLACE INTO leases VALUES (?, ?, ?)', assignmentId, leaseEpoch, nowMs)
}
