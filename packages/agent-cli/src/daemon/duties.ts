import type { Assignment } from '@agent-marketplace/protocol'
import { ensureJob, findJob, type Job, openJobs } from '../private/jobs.ts'
import { noteLease } from '../private/leases.ts'
import { fullJitterMs } from './backoff.ts'
import { type Capacity, createCapacity } from './capacity.ts'
import type { Daemon } from './daemon-context.ts'
import { createLeases, type Leases } from './leases.ts'
import { listOpenAssignments } from './open-assignments.ts'
import { stepReview } from './reviewer.ts'
import { describeFault } from './run-loop.ts'
import type { Step } from './step.ts'
import { stepWork } from './worker.ts'

export interface Duties {
  readonly leases: Leases
  /** Look at every assignment of this agent, and start what can be done. Does not wait for it. */
  look(): Promise<void>
  /** Wait for everything that was started. @returns whether anything was done since the last time. @throws what a job failed with meanwhile. */
  settle(): Promise<boolean>
}

/** Timers may ring a little early. */
const TIMER_SLACK_MS = 10
/** States in which a job of its capability takes up room. */
const TAKES_ROOM: ReadonlySet<Job['state']> = new Set(['waiting', 'running', 'finished'])
const STEPS: Readonly<Record<Job['kind'], Step>> = { execute: stepWork, review: stepReview }

/**
 * The assignments of this agent and what is being done about them: of each job one step at a time, jobs beside each other. What is to be done is read from
 * the vault and the platform every time, so it does not matter when the process was last killed.
 */
export function createDuties(daemon: Daemon): Duties {
  const { agent } = daemon
  const capacity = createCapacity(agent, daemon.options.capabilities, (capability) =>
    daemon.emit('warning', {
      code: 'capability_not_offered',
      capability,
      message: 'nobody will ask for it: `capabilities declare` offers it',
    }),
  )
  const running = new Map<string, { abort: AbortController; done: Promise<void> }>()
  const failures = new Map<string, { count: number; untilMs: number }>()
  const leases = createLeases(daemon, (assignmentId) => running.get(assignmentId)?.abort.abort())
  let isFirstLook = true
  let hasMoved = false
  const faults: unknown[] = []

  async function advance(job: Job, signal: AbortSignal): Promise<void> {
    const { assignmentId, kind } = job
    let isDone = false
    try {
      const context = { daemon, signal, takeRoom: capacity.take }
      for (let next = await STEPS[kind](context, job); next && !signal.aborted; next = await STEPS[kind](context, next))
        isDone = true
      failures.delete(assignmentId)
    } catch (error) {
      if (!signal.aborted) retryLater(assignmentId, error)
    }
    if (!TAKES_ROOM.has(findJob(agent.vault, assignmentId)?.state ?? 'ended')) capacity.give(assignmentId)
    running.delete(assignmentId)
    // What was done, and the room it gave, may be what another waits for.
    if (isDone) daemon.wake()
    hasMoved ||= isDone
  }

  function retryLater(assignmentId: string, error: unknown): void {
    const count = (failures.get(assignmentId)?.count ?? 0) + 1
    const delayMs = fullJitterMs(count)
    faults[0] = error
    failures.set(assignmentId, { count, untilMs: performance.now() + delayMs })
    if (count === 1) daemon.emit('warning', { assignmentId, ...describeFault(error) })
    setTimeout(daemon.wake, delayMs + TIMER_SLACK_MS).unref()
  }

  function start(job: Job): void {
    const { assignmentId } = job
    if (running.has(assignmentId) || (failures.get(assignmentId)?.untilMs ?? 0) > performance.now()) return
    const abort = new AbortController()
    const done = advance(job, AbortSignal.any([abort.signal, daemon.signal]))
    running.set(assignmentId, { abort, done })
  }

  /** Jobs taken on before this process began keep their room. */
  function holdRooms(open: readonly Assignment[]): void {
    for (const assignment of open) {
      const job = findJob(agent.vault, assignment.assignmentId)
      if (job?.kind === 'execute' && TAKES_ROOM.has(job.state)) capacity.hold(assignment)
    }
  }

  return {
    leases,
    async look() {
      await capacity.refresh()
      const open = await listOpenAssignments(agent)
      if (isFirstLook) holdRooms(open)
      isFirstLook = false
      for (const assignment of open) {
        if (assignment.state === 'working') noteLease(agent.vault, assignment, agent.now())
        if (isForDaemon(daemon, assignment, capacity)) ensureJob(agent.vault, assignment, agent.now())
      }
      const jobs = openJobs(agent.vault)
      leases.keep(open.filter((assignment) => isUnderLease(assignment, jobs)))

      const isOpen = new Set(open.map(({ assignmentId }) => assignmentId))
      for (const { assignmentId } of jobs) if (!isOpen.has(assignmentId)) running.get(assignmentId)?.abort.abort()
      for (const job of jobs) start(job)
    },
    async settle() {
      faults.length = 0
      while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done))
      if (faults.length > 0) throw faults[0]
      const wasMoved = hasMoved
      hasMoved = false
      return wasMoved
    },
  }
}

/** Work needs a command; reviews are judged by the built-in validators too. */
function isForDaemon({ options }: Daemon, assignment: Assignment, capacity: Capacity): boolean {
  return capacity.serves(assignment) && (assignment.kind === 'review' || options.exec !== undefined)
}

/** Work in progress, by this daemon or by hand; not what has stalled. Reviews have no lease of their own. */
function isUnderLease({ assignmentId, kind, state }: Assignment, jobs: readonly Job[]): boolean {
  const isStalled = jobs.some((job) => job.assignmentId === assignmentId && job.state === 'stalled')
  return kind === 'execute' && state === 'working' && !isStalled
}
