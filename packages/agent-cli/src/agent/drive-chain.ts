import { randomUUID } from 'node:crypto'
import type { ChainStep } from '../chain/chain-document.ts'
import { type Act, letDownBy, nextAct, readySteps, stepsToSkip } from '../chain/next-act.ts'
import { fullJitterMs } from '../daemon/backoff.ts'
import { type ChainRun, currentTry, ringOnEvents } from './chain-run.ts'
import { CliError } from './cli-error.ts'
import { ensurePrekey } from './ensure-prekey.ts'
import { chooseAgents, createTask, hireExecutor, type Rest } from './hire-agents.ts'
import { hireReviewer } from './hire-reviewer.ts'
import { closeTask, fetchResult } from './take-result.ts'
import { tellAgents } from './tell-agents.ts'
import { watchTry } from './watch-try.ts'

const EXIT_RETRYABLE = 6

const ACTS: Readonly<Record<Act, (run: ChainRun, step: ChainStep) => Promise<Rest>>> = {
  begin: async (run, { plan, tries }) => {
    run.change(plan.id, { tries: [...tries, { taskKey: randomUUID(), reviewers: [] }] })
    run.emit('searching', plan.id, { try: tries.length + 1 })
    return undefined
  },
  'create-task': createTask,
  choose: chooseAgents,
  hire: hireExecutor,
  'hire-reviewer': hireReviewer,
  tell: tellAgents,
  watch: watchTry,
  close: closeTask,
  fetch: fetchResult,
  finish: async (run, step) => {
    run.change(step.plan.id, { state: 'passed' })
    run.emit('passed', step.plan.id, { agentId: currentTry(step).executor?.agentId, output: step.output ?? [] })
    return undefined
  },
  'give-up': async (run, step) => {
    const reason = `nobody it was given to brought it to a good end: ${[...letDownBy(step)].join(', ')}`
    run.change(step.plan.id, { state: 'failed', reason })
    run.emit('failed', step.plan.id, { reason })
    return undefined
  },
}

/**
 * Move a chain on until nothing in it can move any more: steps beside each other, each one act at a time.
 *
 * @param patienceMs - How long a platform or relay that is away is waited for.
 * @throws CliError what kept it from going on; the chain can be resumed.
 */
export async function driveChain(
  run: ChainRun,
  { stop, patienceMs }: { stop: AbortController; patienceMs: number },
): Promise<void> {
  await ensurePrekey(run.agent)
  const ringing = ringOnEvents(run, stop.signal)
  const driving = new Map<string, Promise<void>>()
  try {
    for (;;) {
      for (const { step, because } of stepsToSkip(run.document)) skip(run, step, because)
      for (const { plan } of readySteps(run.document)) {
        if (driving.has(plan.id)) continue
        const done = driveStep(run, plan.id, patienceMs).then(() => void driving.delete(plan.id))
        driving.set(plan.id, done)
      }
      if (driving.size > 0) await Promise.race([...driving.values(), ringing])
      else if (stepsToSkip(run.document).length === 0) return
    }
  } finally {
    stop.abort()
    await Promise.allSettled([...driving.values(), ringing])
  }
}

async function driveStep(run: ChainRun, id: string, patienceMs: number): Promise<void> {
  if (run.step(id).state === 'waiting') run.change(id, { state: 'running' })
  let failures = 0
  let failingSinceMs = 0
  while (run.step(id).state === 'running') {
    run.signal.throwIfAborted()
    try {
      const step = run.step(id)
      const restMs = await ACTS[nextAct(step)](run, step)
      failures = 0
      if (restMs !== undefined) await run.rest(restMs)
    } catch (error) {
      if (run.signal.aborted || !(error instanceof CliError && error.exit === EXIT_RETRYABLE)) throw error
      if (failures === 0) failingSinceMs = run.agent.now()
      if (run.agent.now() - failingSinceMs >= patienceMs) throw error
      if (failures === 0) run.emit('warning', id, { code: error.code, message: error.message })
      await run.rest(Math.max(fullJitterMs(++failures), error.retryAfterMs ?? 0))
    }
  }
}

function skip(run: ChainRun, { plan }: ChainStep, because: string): void {
  run.change(plan.id, { state: 'skipped', reason: `it needs "${because}"` })
  run.emit('skipped', plan.id, { because })
}
