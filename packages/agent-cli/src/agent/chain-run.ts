import { setTimeout as sleep } from 'node:timers/promises'
import { PAGE_MAX } from '@agent-marketplace/protocol'
import type { ChainDocument, ChainStep, Try } from '../chain/chain-document.ts'
import type { ChainEvent, ChainEventName } from '../chain/chain-event.ts'
import { createWakeup } from '../daemon/wakeup.ts'
import type { OwnedChain } from '../private/chains.ts'
import { readFact, writeFact } from '../private/facts.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'

type Details = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** One process moving one chain on: what its parts share. */
export interface ChainRun {
  readonly agent: Agent
  readonly document: ChainDocument
  /** Aborted when it is to stop: all it has done is on disk. */
  readonly signal: AbortSignal
  step(id: string): ChainStep
  /** Change a step. On return the change is on disk. */
  change(id: string, change: Partial<ChainStep>): void
  /** Change the latest try of a step. */
  changeTry(id: string, change: Partial<Try>): void
  changeState(state: ChainDocument['state']): void
  emit(event: ChainEventName, step?: string, details?: Details): void
  /** Wait until something has happened on the platform, at most so long. */
  rest(ms: number): Promise<void>
  /** Something has happened. */
  wake(): void
  /** When anything of the chain has last moved on, ms. */
  readonly movedAtMs: number
}

/** Move a chain on that this process owns. */
export function createChainRun(
  agent: Agent,
  owned: OwnedChain,
  { signal, onEvent }: { signal: AbortSignal; onEvent?: ((event: ChainEvent) => void) | undefined },
): ChainRun {
  const bells = new Set<ReturnType<typeof createWakeup>>()
  let movedAtMs = agent.now()
  const save = (next: ChainDocument) => {
    owned.save(next)
    movedAtMs = agent.now()
  }
  const run: ChainRun = {
    agent,
    signal,
    get document() {
      return owned.document
    },
    get movedAtMs() {
      return movedAtMs
    },
    step(id) {
      const step = owned.document.steps.find(({ plan }) => plan.id === id)
      if (!step) throw new Error('a step of the chain is found')
      return step
    },
    change(id, change) {
      const steps = owned.document.steps.map((step) => (step.plan.id === id ? { ...step, ...change } : step))
      save({ ...owned.document, steps })
    },
    changeTry(id, change) {
      const { tries } = run.step(id)
      run.change(id, { tries: tries.map((each, at) => (at === tries.length - 1 ? { ...each, ...change } : each)) })
    },
    changeState(state) {
      save({ ...owned.document, state })
    },
    emit(event, step, details = {}) {
      onEvent?.({ event, atMs: agent.now(), chainId: owned.document.chainId, ...(step !== undefined && { step }), ...details })
    },
    async rest(ms) {
      const bell = createWakeup()
      bells.add(bell)
      await bell.wait(ms, signal)
      bells.delete(bell)
      signal.throwIfAborted()
    },
    wake() {
      for (const bell of bells) bell.wake()
    },
  }
  return run
}

/** The try a step is at. */
export function currentTry({ tries }: ChainStep): Try {
  const current = tries.at(-1)
  if (!current) throw new Error('a running step has a try')
  return current
}

/** The server answers an idle poll after this, ms. */
const EVENTS_WAIT_MS = 25_000
const EVENTS_RETRY_MS = 1_000

/** Wake a run at events of the agent, until the signal ends it. Whatever is missed is found by looking. */
export async function ringOnEvents({ agent, wake }: ChainRun, signal: AbortSignal): Promise<void> {
  const fact = `events.chains ${agent.server}`
  let after = Number(readFact(agent.vault, fact) ?? 0)
  while (!signal.aborted) {
    try {
      const waiting = { after, timeoutMs: EVENTS_WAIT_MS }
      const { events, cursor } = await agent.platform.query('events.wait', waiting, { signal, waitMs: EVENTS_WAIT_MS })
      // A full page is history: what counts is how things stand at its end.
      if (events.length > 0 && events.length < PAGE_MAX) wake()
      if (cursor !== after) writeFact(agent.vault, fact, String(cursor))
      after = cursor
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      await sleep(EVENTS_RETRY_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}
