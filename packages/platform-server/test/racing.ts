import { expect } from 'vitest'
import { findRefusal } from '../src/api/wire-error.ts'
import { verifyLedger } from '../src/settlement/operations.ts'
import type { Job } from './jobs.ts'

/** Let them all go at once. @returns what came of each: its value, or the code it was refused with. */
export async function race(racers: readonly (() => Promise<unknown>)[]): Promise<{ won: unknown[]; refused: string[] }> {
  const results = await Promise.allSettled(racers.map((each) => each()))
  return {
    won: results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    refused: results
      .flatMap((each) => (each.status === 'rejected' ? [findRefusal(each.reason)?.code ?? String(each.reason)] : []))
      .sort(),
  }
}

/** What must hold whoever won: the ledger adds up, and nothing is held for work that has ended. */
export async function expectOrder(job: Job): Promise<void> {
  const { deps } = job.platform
  expect((await deps.db.read(verifyLedger)).fault).toBeUndefined()
  const trapped = await deps.db.read((reader) =>
    reader.all(`SELECT h.hold_id FROM holds h JOIN assignments a ON a.assignment_id = h.assignment_id
                WHERE h.state = 'active' AND a.state NOT IN ('offered', 'assigned', 'working', 'submitted')`),
  )
  expect(trapped).toEqual([])
}

export function sixteen<T>(racer: () => Promise<T>): (() => Promise<T>)[] {
  return Array.from({ length: 16 }, () => racer)
}
