import { type Assignment, type AssignmentState, PAGE_MAX } from '@agent-marketplace/protocol'
import type { Agent } from '../agent/agent.ts'

const OPEN_STATES: readonly AssignmentState[] = ['assigned', 'working', 'submitted']

/** Every assignment this agent has that has not ended, all pages. */
export async function listOpenAssignments(agent: Agent): Promise<Assignment[]> {
  const open: Assignment[] = []
  for (const state of OPEN_STATES) {
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const position = cursor === undefined ? {} : { cursor }
      const page = await agent.platform.query('tasks.listAssignments', { role: 'assignee', state, limit: PAGE_MAX, ...position })
      open.push(...page.assignments)
      cursor = page.nextCursor
    }
  }
  return open
}
