import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentComplete extends AgentCommand {
  static override summary = 'Complete an assignment.'
  static override description =
    'The work is ready and was handed over privately. Needs the lease this machine holds. (`work submit` does both.)'
  static override examples = ['<%= config.bin %> assignment complete --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentComplete)
    const { completeAssignment } = await import('../../agent/lease.ts')
    return this.show(await completeAssignment(await this.openAgent(flags), flags['assignment-id'], flags['idempotency-key']))
  }
}
