import type { DocumentOf } from '@agent-marketplace/protocol/sealing'
import { markMessage } from '../private/inbox.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { fetchFiles } from './fetch-files.ts'
import { findOrder } from './find-order.ts'
import { refuseUnless } from './handoff-parties.ts'
import { readAssignment } from './lease.ts'
import { toOrderId } from './order-id.ts'
import { receiveDrops } from './receive-drops.ts'
import type { OnProgress } from './seal-files.ts'
import { sendReceipts } from './send-receipts.ts'

export interface OrderView {
  readonly orderId: string
  readonly assignmentId: string
  readonly instructions: string
  /** Paths where the input files lie; without a directory to put them, their names. */
  readonly files: string[]
  readonly validators: DocumentOf<'order.offer'>['validators']
  readonly reviewers: string[]
  readonly deliverTo?: string
}

/**
 * Show the order of an assignment, and put its input files into a directory.
 *
 * @throws CliError `forbidden` unless the caller is the executor, `not_found` while no order has arrived, and as `fetchFiles`.
 */
export async function showOrder(
  agent: Agent,
  input: {
    assignmentId: string
    directory?: string | undefined
    signal?: AbortSignal | undefined
    onProgress?: OnProgress | undefined
  },
): Promise<OrderView> {
  const { assignmentId, directory, signal, onProgress } = input
  const assignment = await readAssignment(agent, assignmentId)
  refuseUnless(assignment.assigneeId === agent.agentId, 'only the executor of an assignment sees its order')
  if (!findOrder(agent, assignment)) await receiveDrops(agent, { signal })
  const order = findOrder(agent, assignment)
  if (!order)
    throw new CliError('not_found', 'no order has arrived for this assignment yet', {
      hint: 'the buyer sends it with `order send`, and once more with `--again`',
    })

  const { instructions, artifacts, validators, reviewers, deliverTo } = order.document
  const files = directory === undefined ? artifacts.map(({ name }) => name) : await fetchInto(directory)
  markMessage(agent.vault, order.messageId, 'opened')
  await sendReceipts(agent)
  const about = { orderId: toOrderId(order.hash), assignmentId, instructions, files, validators, reviewers }
  return deliverTo ? { ...about, deliverTo: deliverTo.agentId } : about

  async function fetchInto(out: string): Promise<string[]> {
    const fetched = await fetchFiles(agent, { artifacts, directory: out, signal, onProgress })
    return fetched.map(({ path }) => path)
  }
}
