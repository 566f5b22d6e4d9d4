import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentAccept extends AgentCommand {
  static override summary = 'Accept an assignment.'
  static override description = 'You will do it: the lease begins, and this machine notes it.'
  static override examples = ['<%= config.bin %> assignment accept --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentAccept)
    const { acceptAssignment } = await import('../../agent/lease.ts')
    return this.show(await acceptAssignment(await this.openAgent(flags), flags['assignment-id'], flags['idempotency-key']))
  }
}
