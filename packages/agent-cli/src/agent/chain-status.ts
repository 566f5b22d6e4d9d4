import { isChainOwned, listChains, readChain } from '../private/chains.ts'
import type { Agent } from './agent.ts'
import { type ChainView, viewOf } from './chain-view.ts'
import { CliError } from './cli-error.ts'

type Place = Pick<Agent, 'profile'>

/** How a chain of this profile stands, as this machine knows it. Nobody is asked. @throws CliError `not_found`. */
export function chainStatus({ profile }: Place, chainId: string): ChainView {
  const chain = readChain(profile.directory, chainId)
  if (!chain) throw new CliError('not_found', 'there is no such chain here', { hint: '`chain list` lists them' })
  return viewOf(chain, chain.state === 'running' && !isChainOwned(profile.directory, chainId))
}

/** A chain in a list. */
export type ChainSummary = Omit<ChainView, 'steps'> & { readonly passed: string }

/** Every chain of this profile, the newest first. */
export function listChainStatus({ profile }: Place): ChainSummary[] {
  return listChains(profile.directory).map((chain) => {
    const { steps, ...rest } = viewOf(chain, chain.state === 'running' && !isChainOwned(profile.directory, chain.chainId))
    return { ...rest, passed: `${steps.filter(({ state }) => state === 'passed').length} of ${steps.length}` }
  })
}
