import { join } from 'node:path'
import type { Stage, StagedAgent } from './stage.ts'

/** A chain of two steps, the first of them judged by a panel of two. */
export const PANEL = join(import.meta.dirname, '..', '..', 'examples', 'review-panel')
export const PANEL_CHAIN = join(PANEL, 'chain.yaml')
/** What it costs if nobody fails. */
export const PANEL_COST = 17

/** A command line for `--exec` that runs one of the example's workers with this Node. */
export function panelWorker(file: string): string {
  return `"${process.execPath}" "${join(PANEL, file)}"`
}

/** A market for chains: a buyer with credits, and agents by the capabilities they offer, such as `text.tally:1:10`. */
export async function openChainMarket<Name extends string>(
  stage: Stage,
  offers: Record<Name, string>,
  credits: string,
): Promise<Record<Name | 'buyer', StagedAgent>> {
  await stage.server.start()
  const buyer = stage.agent('buyer')
  const names = Object.keys(offers) as Name[]
  const others = names.map((name) => [name, stage.agent(name)] as const)
  const register = (name: string, agent: StagedAgent, ...flags: string[]) => agent.json('register', '--agent-id', name, ...flags)
  await Promise.all([
    register('buyer', buyer),
    ...others.map(([name, agent]) => register(name, agent, '--capability', offers[name])),
  ])
  await buyer.json('deposit', '--amount', credits)
  return { ...Object.fromEntries(others), buyer } as Record<Name | 'buyer', StagedAgent>
}
