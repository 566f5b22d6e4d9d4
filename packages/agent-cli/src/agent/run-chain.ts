import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { formatAmount, isMovable, parseAmount } from '@agent-marketplace/protocol'
import type { ChainDocument, PlannedStep } from '../chain/chain-document.ts'
import type { ChainEvent } from '../chain/chain-event.ts'
import { leastCost, microOf } from '../chain/money.ts'
import { reopen } from '../chain/next-act.ts'
import { acquireChain, chainsDirectory, createChain, listChains, type OwnedChain } from '../private/chains.ts'
import type { Agent } from './agent.ts'
import { createChainRun } from './chain-run.ts'
import { type ChainView, viewOf } from './chain-view.ts'
import { CliError, usage } from './cli-error.ts'
import { driveChain } from './drive-chain.ts'
import { readSoundChain } from './read-chain.ts'

export type { ChainEvent } from '../chain/chain-event.ts'
export type { ChainView } from './chain-view.ts'

/** A platform or relay that is away is waited for so long, unless somebody says otherwise. */
const PATIENCE_MS = 24 * 3_600_000

export interface DriveOptions {
  /** The most the chain may spend, in credits. */
  readonly budget?: string | undefined
  /** Told of everything that happens. */
  readonly onStep?: ((event: ChainEvent) => void) | undefined
  /** Stops it; it can be resumed. */
  readonly signal?: AbortSignal | undefined
  readonly patienceMs?: number | undefined
}

export interface RunChainInput extends DriveOptions {
  /** Path of the chain file. */
  readonly file: string
  /** Directory for the outputs; without it one of the profile's own. */
  readonly out?: string | undefined
  /** Begin although another chain of this file has not ended. */
  readonly again?: boolean | undefined
}

/**
 * Run a task chain to its end: find and hire agents, send orders and briefs, watch, replace, fetch, hand on. Everything is on disk before it is acted on,
 * so `resumeChain` finishes what was interrupted at any point, and nothing is ordered or paid twice.
 *
 * @returns The chain as it has ended, `done` or `failed`.
 * @throws CliError `usage` naming every fault of the file, `insufficient_funds` if the budget is too small for it, `already_exists` if a chain of this file
 *   has not ended; later whatever kept it from going on, with the chain's id in its hint.
 */
export async function runChain(agent: Agent, { file, out, again = false, ...options }: RunChainInput): Promise<ChainView> {
  const steps = await readSoundChain(file)
  const budget = checkBudget(options.budget)
  refuseOver(budget, steps)
  const path = resolve(file)
  if (!again) refuseUnfinished(agent, path)
  const chainId = `chn_${randomBytes(10).toString('hex')}`
  const document: ChainDocument = {
    version: 1,
    chainId,
    agentId: agent.agentId,
    server: agent.server,
    file: path,
    out: out === undefined ? join(chainsDirectory(agent.profile.directory), chainId) : resolve(out),
    createdAtMs: agent.now(),
    ...(budget !== undefined && { budget }),
    state: 'running',
    steps: steps.map((plan) => ({ plan, state: 'waiting', tries: [], triesMax: plan.replacements + 1 })),
  }
  return drive(agent, createChain(agent.profile.directory, document), options)
}

/**
 * Go on with a chain that was interrupted, or try again what failed in one. One that is done stays as it is.
 *
 * @throws CliError as `runChain`; `not_found`, and `wrong_state` if another process runs it, it was cancelled, or belongs to another platform.
 */
export async function resumeChain(agent: Agent, { chainId, ...options }: DriveOptions & { chainId: string }): Promise<ChainView> {
  const budget = checkBudget(options.budget)
  const owned = takeChain(agent, chainId)
  const { document } = owned
  if (document.state === 'done') {
    owned.release()
    return viewOf(document, false)
  }
  if (document.state !== 'running' && document.state !== 'failed') {
    owned.release()
    throw new CliError('wrong_state', `the chain is ${document.state}`)
  }
  const reopened = document.state === 'failed' ? reopen(document) : document
  owned.save({ ...reopened, ...(budget !== undefined && { budget }) })
  return drive(agent, owned, options)
}

/** Own a chain of this agent. @throws CliError `not_found`, `wrong_state` as `resumeChain`. */
export function takeChain(agent: Agent, chainId: string): OwnedChain {
  const owned = acquireChain(agent.profile.directory, chainId)
  if (!owned) throw new CliError('not_found', 'there is no such chain here', { hint: '`chain list` lists them' })
  if (owned === 'owned')
    throw new CliError('wrong_state', 'another process runs this chain', { hint: 'stop it first; nothing is lost by that' })
  const { server, agentId } = owned.document
  if (server === agent.server && agentId === agent.agentId) return owned
  owned.release()
  throw new CliError('wrong_state', `this chain was begun by ${agentId} on ${server}`, { hint: `use --server ${server}` })
}

async function drive(
  agent: Agent,
  owned: OwnedChain,
  { onStep, signal, patienceMs = PATIENCE_MS }: DriveOptions,
): Promise<ChainView> {
  const { chainId } = owned.document
  const stop = new AbortController()
  const stopped = signal ? AbortSignal.any([stop.signal, signal]) : stop.signal
  const run = createChainRun(agent, owned, { signal: stopped, onEvent: onStep })
  try {
    const { steps, file } = owned.document
    const passed = steps.filter(({ state }) => state === 'passed').map(({ plan }) => plan.id)
    run.emit('started', undefined, { steps: steps.map(({ plan }) => plan.id), passed, file })
    await driveChain(run, { stop, patienceMs })
    run.changeState(owned.document.steps.every(({ state }) => state === 'passed') ? 'done' : 'failed')
    run.emit('finished', undefined, { state: owned.document.state })
    return viewOf(owned.document, false)
  } catch (error) {
    throw resumable(signal?.aborted ? new CliError('interrupted', 'interrupted') : error, chainId)
  } finally {
    owned.release()
  }
}

function resumable(error: unknown, chainId: string): unknown {
  if (!(error instanceof CliError)) return error
  const { code, message, hint, requestId, retryAfterMs, idempotencyKey, cause } = error
  const resume = `\`agent-marketplace chain resume ${chainId}\` goes on with it`
  const both = hint === undefined ? resume : `${hint}; ${resume}`
  return new CliError(code, message, { hint: both, requestId, retryAfterMs, idempotencyKey, cause })
}

function checkBudget(budget: string | undefined): string | undefined {
  if (budget !== undefined && !isMovable(parseAmount(budget) ?? 0n))
    throw usage('a budget is an amount of credits such as 10 or 5.25')
  return budget
}

function refuseOver(budget: string | undefined, steps: readonly PlannedStep[]): void {
  const least = leastCost(steps)
  if (budget !== undefined && least > microOf(budget))
    throw new CliError('insufficient_funds', `the chain costs at least ${formatAmount(least)}, the budget is ${budget}`)
}

/** Whoever runs a file again after a crash would pay twice. */
function refuseUnfinished(agent: Agent, file: string): void {
  const other = listChains(agent.profile.directory).find(
    (chain) =>
      chain.file === file && chain.server === agent.server && chain.agentId === agent.agentId && chain.state === 'running',
  )
  if (other)
    throw new CliError('already_exists', `a chain of this file has not ended: ${other.chainId}`, {
      hint: `\`chain resume ${other.chainId}\` goes on with it; --again begins another`,
    })
}
