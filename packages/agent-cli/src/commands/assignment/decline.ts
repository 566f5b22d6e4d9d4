import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentDecline extends AgentCommand {
  static override summary = 'Decline an assignment.'
  static override description = 'You will not do it. The money held for it goes back to the buyer.'
  static override examples = ['<%= config.bin %> assignment decline --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentDecline)
    return this.show(await this.mutate(flags, 'tasks.declineAssignment', { assignmentId: flags['assignment-id'] }))
  }
}
