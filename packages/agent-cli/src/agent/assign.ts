import type { Assignment } from '@agent-marketplace/protocol'
import type { Input } from '../platform/client.ts'
import type { Agent } from './agent.ts'
import { mutate } from './call.ts'
import { pinAll } from './pin-all.ts'

export type Assigned = Assignment & { readonly holdId?: string | undefined }

/**
 * Give an agent a duty within a task, funded at once if it has a price and `fund` is not false. The assignee's key is pinned.
 *
 * @throws CliError `key_changed` if the assignee shows another key than the pinned one.
 */
export async function assign(agent: Agent, input: Input<'tasks.assign'>, key?: string): Promise<Assigned> {
  const { assignment, contacts, holdId } = await mutate(agent, 'tasks.assign', input, key)
  await pinAll(agent, contacts)
  return { ...assignment, ...(holdId !== undefined && { holdId }) }
}
