import type { ProcedureName } from '@agent-marketplace/protocol'
import { expect } from 'vitest'
import { type CallServer, type HttpAgent, makeAgent, Refused } from '../stage/call.ts'
import { ORIGIN } from '../stage/control.ts'

export const FEE_FLAGS = ['--fee-bps', '500']
/** What everybody has once the job was paid: 10 for the work, of which the platform keeps 0.5. */
export const PAID = [
  { available: '90', held: '0' },
  { available: '9.5', held: '0' },
]

/** One job from registration to payment. Every call has a key of its own, so that the whole job can be run again where it was cut off. */
export class ScriptedJob {
  readonly #buyer = makeAgent('buyer', ORIGIN)
  readonly #executor = makeAgent('executor', ORIGIN)
  /** What was replied to each call that was answered. */
  readonly #replies = new Map<string, object>()

  /** Run it from its beginning. Whatever was answered in an earlier run must be answered alike. @returns whether the server was there to the end. */
  async run(call: CallServer): Promise<'done' | 'cut off'> {
    try {
      await this.#runAll(call)
      return 'done'
    } catch (error) {
      // A refusal is an answer, and none that this job should get.
      if (error instanceof TypeError && error.message === 'fetch failed') return 'cut off'
      if (error instanceof Refused && error.code === 'unavailable') return 'cut off'
      throw error
    }
  }

  /** @returns what the buyer and the executor have. */
  async balances(call: CallServer): Promise<object[]> {
    const found: object[] = []
    for (const agent of [this.#buyer, this.#executor])
      found.push(await call('settlement.balance', {}, { token: await agent.openSession(call) }))
    return found
  }

  async #runAll(call: CallServer): Promise<void> {
    await this.#buyer.register(call)
    await this.#executor.register(call)
    const buyer = await this.#asker(call, this.#buyer)
    const executor = await this.#asker(call, this.#executor)
    await buyer('settlement.deposit', { amount: '100' })
    const { taskId } = await buyer('tasks.createTask', {})
    const { assignment } = await buyer('tasks.assign', { taskId, kind: 'execute', assigneeAgentId: 'executor', price: '10' })
    const { assignmentId } = assignment as { assignmentId: string }
    const { leaseEpoch } = await executor('tasks.acceptAssignment', { assignmentId })
    await executor('tasks.completeAssignment', { assignmentId, leaseEpoch })
    await buyer('tasks.approveAssignment', { assignmentId })
  }

  async #asker(call: CallServer, agent: HttpAgent) {
    const token = await agent.openSession(call)
    return async (name: ProcedureName, input: object) => {
      const key = `${agent.agentId}-${name.replace('.', '-')}`
      const reply = await call(name, input, { token, key })
      expect(reply, `the reply to ${key}`).toEqual(this.#replies.get(key) ?? reply)
      this.#replies.set(key, reply)
      return reply
    }
  }
}
