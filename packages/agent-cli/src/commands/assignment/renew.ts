import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentRenew extends AgentCommand {
  static override summary = 'Renew the lease of an assignment.'
  static override description = 'Extends the lease under which you work.'
  static override examples = ['<%= config.bin %> assignment renew --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentRenew)
    const { renewLease } = await import('../../agent/lease.ts')
    return this.show(await renewLease(await this.openAgent(flags), flags['assignment-id'], flags['idempotency-key']))
  }
}
