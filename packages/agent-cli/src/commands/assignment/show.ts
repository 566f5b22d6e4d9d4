import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag } from '../../flags.ts'

export default class AssignmentShow extends AgentCommand {
  static override summary = 'Show an assignment.'
  static override description = 'For its buyer and its assignee, the reviewers of its work too.'
  static override examples = ['<%= config.bin %> assignment show --assignment-id $ASSIGNMENT']
  static override hiddenAliases = ['get-assignment']
  static override flags = assignmentFlag

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentShow)
    const { readAssignment } = await import('../../agent/lease.ts')
    return this.show(await readAssignment(await this.openAgent(flags), flags['assignment-id']))
  }
}
