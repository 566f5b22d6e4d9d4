import { dueRemovals, finishRemoval, postponeRemoval, type Removal } from '../private/removals.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'

const REMOVAL_RETRY_MS = 600_000
/** What one command has the relay forget: somebody waits for it. */
const REMOVALS_A_COMMAND = 16

/**
 * Have the relay forget one drop that was read, on a connection of its own.
 *
 * @returns `false` if it did not answer: it is asked again later, a few times.
 */
export async function removeRead(agent: Agent, removal: Removal): Promise<boolean> {
  const relay = await agent.relay()
  try {
    await relay.remove(removal)
    finishRemoval(agent.vault, removal)
    return true
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    postponeRemoval(agent.vault, removal, agent.now() + REMOVAL_RETRY_MS)
    return false
  }
}

/** What earlier commands read and the relay is to have forgotten by now, on a machine whose daemon does not see to it one by one. */
export async function removeDue(agent: Agent): Promise<void> {
  for (const removal of dueRemovals(agent.vault, agent.now()).slice(0, REMOVALS_A_COMMAND))
    if (!(await removeRead(agent, removal))) return
}
