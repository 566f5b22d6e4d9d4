import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentApprove extends AgentCommand {
  static override summary = 'Approve an assignment.'
  static override description = 'The buyer takes work that nobody reviews as passed: it is paid at once.'
  static override examples = ['<%= config.bin %> assignment approve --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentApprove)
    return this.show(await this.mutate(flags, 'tasks.approveAssignment', { assignmentId: flags['assignment-id'] }))
  }
}
