import type { Approval } from '../../agent/approve-work.ts'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentApprove extends AgentCommand {
  static override summary = 'Approve an assignment.'
  static override description =
    'The buyer takes work that nobody reviews as passed: it is paid at once. If its reviewers have all left, its executor is told so under the signature of the buyer, and releases the keys.'
  static override examples = ['<%= config.bin %> assignment approve --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Approval> {
    const { flags } = await this.parse(AssignmentApprove)
    const { approveWork } = await import('../../agent/approve-work.ts')
    const agent = await this.openAgent(flags)
    const input = { assignmentId: flags['assignment-id'], key: flags['idempotency-key'] }
    return this.showSent(agent, await approveWork(agent, input))
  }
}
