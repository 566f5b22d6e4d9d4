import type { Agent } from './agent.ts'
import { chainStatus, listChainStatus } from './chain-status.ts'
import type { ChainView } from './chain-view.ts'
import { CliError } from './cli-error.ts'
import { type DriveOptions, type RunChainInput, resumeChain, runChain } from './run-chain.ts'

/** Chains that this process moves on, and why it stopped with one. */
export type Chains = Map<string, { readonly problem?: unknown }>

/**
 * Begin a chain, or go on with the one of this file that has not ended, and do not wait for its end: this process moves it on. Repeated, it is the same
 * chain.
 *
 * @returns The chain as it stands once it is on disk. @throws CliError as `runChain`, but for `already_exists`.
 */
export async function startChain(agent: Agent, chains: Chains, input: RunChainInput): Promise<ChainView> {
  const { file, out, again, ...options } = input
  const unfinished = again === true ? undefined : findUnfinished(agent, file)
  if (unfinished && chainStatus(agent, unfinished).state === 'running') return chainStatus(agent, unfinished)
  const chainId = await begin(chains, options, (drive) =>
    unfinished === undefined
      ? runChain(agent, { file, out, again, ...drive })
      : resumeChain(agent, { chainId: unfinished, ...drive }),
  )
  return chainStatus(agent, chainId)
}

function findUnfinished(agent: Agent, file: string): string | undefined {
  const isUnfinished = ({ state }: { state: string }) => state === 'running' || state === 'interrupted'
  return listChainStatus(agent).find((chain) => chain.file === file && isUnfinished(chain))?.chainId
}

/** @returns The chain's id as soon as it has begun; later troubles are kept in `chains`. */
function begin(chains: Chains, options: DriveOptions, move: (drive: DriveOptions) => Promise<ChainView>): Promise<string> {
  const begun = Promise.withResolvers<string>()
  let id: string | undefined
  const onStep: DriveOptions['onStep'] = (event) => {
    options.onStep?.(event)
    if (id !== undefined) return
    id = event.chainId
    chains.set(id, {})
    begun.resolve(id)
  }
  move({ ...options, onStep }).then(
    ({ chainId }) => begun.resolve(chainId),
    (problem: unknown) => {
      if (id !== undefined) chains.set(id, { problem })
      begun.reject(problem)
    },
  )
  return begun.promise
}

/** How a chain stands. @returns with `problem` if this process had to stop with it. @throws CliError `not_found`. */
export function followChain(agent: Agent, chains: Chains, chainId: string): { view: ChainView; problem?: unknown } {
  const view = chainStatus(agent, chainId)
  const { problem } = chains.get(chainId) ?? {}
  return view.state === 'interrupted' && problem instanceof CliError ? { view, problem } : { view }
}
