import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag } from '../../flags.ts'

export default class AssignmentReviews extends AgentCommand {
  static override summary = 'List the review assignments that target an assignment.'
  static override description = 'For the buyer and the executor of the target.'
  static override examples = ['<%= config.bin %> assignment reviews --assignment-id $ASSIGNMENT']
  static override hiddenAliases = ['review-assignments-for-target']
  static override flags = assignmentFlag

  async run(): Promise<{ assignments: Assignment[] }> {
    const { flags } = await this.parse(AssignmentReviews)
    const { listReviews } = await import('../../agent/lease.ts')
    return this.show(
      { assignments: await listReviews(await this.openAgent(flags), flags['assignment-id']) },
      { assignments: ['assignmentId', 'assigneeId', 'state', 'price'] },
    )
  }
}
