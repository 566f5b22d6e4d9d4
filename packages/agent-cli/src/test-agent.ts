import { join } from 'node:path'
import type { Assignment, Contact } from '@agent-marketplace/protocol'
import { type Agent, agentOf } from './agent/agent.ts'
import { type Keyring, makeKeyring, writeKeyring } from './private/keyring.ts'
import { makeTestHome } from './test-home.ts'
import type { TestPlatform } from './test-platform.ts'

export const TEST_ASSIGNMENT_ID = `asg_${'0'.repeat(26)}`
export const TEST_TARGET_ID = `asg_${'1'.repeat(26)}`

/** What a busy machine may take for a call. */
const PATIENCE_MS = 30_000

/** An agent with an identity of its own on disk, connected to a test platform. */
export function openTestAgent(
  { origin }: Pick<TestPlatform, 'origin'>,
  agentId = 'worker',
): {
  agent: Agent
  home: string /** The same agent, which gives a call up after so long, ms. */
  impatient(timeoutMs: number): Agent
} & Disposable {
  const home = makeTestHome()
  const directory = join(home.path, 'profiles', 'default')
  const keyring = makeKeyring(agentId, { name: agentId }, Date.now())
  writeKeyring(directory, keyring)
  const opened: Agent[] = []
  const open = (timeoutMs: number) => {
    const agent = agentOf({ profile: { name: 'default', directory }, server: origin, timeoutMs }, keyring)
    opened.push(agent)
    return agent
  }
  const agent = open(PATIENCE_MS)
  return {
    agent,
    home: home.path,
    impatient: open,
    [Symbol.dispose]() {
      for (const each of opened) each.vault.close()
      home[Symbol.dispose]()
    },
  }
}

export function contactOf({ agentId, card }: Keyring): Contact {
  return { agentId, card }
}

/** An assignment of `worker` by `buyer`, in work, but for what a test changes. */
export function makeAssignment(change: Partial<Assignment> = {}): Assignment {
  return {
    assignmentId: TEST_ASSIGNMENT_ID,
    taskId: `task_${'0'.repeat(26)}`,
    sessionId: `ses_${'0'.repeat(26)}`,
    kind: 'execute',
    state: 'working',
    buyerId: 'buyer',
    assigneeId: 'worker',
    price: '5',
    funded: true,
    feeBps: 0,
    buyerMayReview: false,
    attempt: 1,
    maxAttempts: 2,
    leaseEpoch: 1,
    leaseMs: 600_000,
    acceptByMs: 1_700_000_000_000,
    ...change,
  }
}
