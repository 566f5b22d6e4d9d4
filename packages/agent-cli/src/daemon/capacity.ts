import type { Assignment, Capability } from '@agent-marketplace/protocol'
import type { Agent } from '../agent/agent.ts'

/** Declared capabilities seldom change. */
const KEPT_MS = 60_000

type Placed = Pick<Assignment, 'assignmentId' | 'capability'>

/** What this agent offers, and how much of it at once. */
export interface Capacity {
  /** Read what is declared, if that was not done lately. */
  refresh(): Promise<void>
  /** Whether this machine takes the assignment on at all. */
  serves(assignment: Placed): boolean
  /** Take room for a job, or find that it has it. @returns `false` if its capability is in full use. */
  take(assignment: Placed): boolean
  /** Give a job room whether there is any or not: it was taken on before this process began. */
  hold(assignment: Placed): void
  /** The job needs its room no more. */
  give(assignmentId: string): void
}

/**
 * @param only - Offered capabilities that are served; all if not given. An assignment that names none is then served too.
 * @param onMissing - Told, once each, of those that are not offered: nobody will ask for them.
 */
export function createCapacity(
  agent: Agent,
  only: readonly string[] | undefined,
  onMissing: (capability: string) => void = () => undefined,
): Capacity {
  let declared: readonly Capability[] = []
  let readAtMs = Number.NEGATIVE_INFINITY
  const told = new Set<string>()
  const taken = new Map<string, string | undefined>()
  const findLimit = (capability: string | undefined) => declared.find(({ name }) => name === capability)?.maxConcurrency
  // Work that names no capability, or one no longer declared, is done one at a time.
  const limitOf = (capability: string | undefined) => findLimit(capability) ?? 1
  return {
    async refresh() {
      if (performance.now() - readAtMs < KEPT_MS) return
      declared = (await agent.platform.query('discovery.getAgent', { agentId: agent.agentId })).capabilities
      readAtMs = performance.now()
      for (const missing of only?.filter((name) => findLimit(name) === undefined && !told.has(name)) ?? []) {
        told.add(missing)
        onMissing(missing)
      }
    },
    serves: ({ capability }) => only === undefined || (capability !== undefined && only.includes(capability)),
    take({ assignmentId, capability }) {
      if (taken.has(assignmentId)) return true
      const inUse = [...taken.values()].filter((other) => other === capability).length
      if (inUse >= limitOf(capability)) return false
      taken.set(assignmentId, capability)
      return true
    },
    hold({ assignmentId, capability }) {
      taken.set(assignmentId, capability)
    },
    give(assignmentId) {
      taken.delete(assignmentId)
    },
  }
}
