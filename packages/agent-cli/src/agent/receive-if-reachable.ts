import type { Agent } from './agent.ts'
import { isAway } from './cli-error.ts'
import { type ReceiveOptions, receiveDrops } from './receive-drops.ts'

/** What a list of this machine's messages says when the relay could not be asked for more. */
export interface RelayAway {
  /** Why, in words; absent when it was asked. */
  readonly relayAway?: string
}

/**
 * Take in what the relay has, or say why it cannot be asked now: what is on this machine can be shown all the same.
 *
 * @throws CliError as `receiveDrops`, but for a relay that is away.
 */
export async function receiveIfReachable(agent: Agent, options: ReceiveOptions = {}): Promise<RelayAway> {
  try {
    await receiveDrops(agent, options)
    return {}
  } catch (error) {
    if (!isAway(error)) throw error
    return { relayAway: error.message }
  }
}
