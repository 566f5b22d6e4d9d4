import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag } from '../../flags.ts'

export default class ReviewList extends AgentCommand {
  static override summary = 'List the verdicts on an assignment.'
  static override description = 'Each with its signature: `verify` checks it without the platform.'
  static override examples = ['<%= config.bin %> review list --assignment-id $ASSIGNMENT']
  static override hiddenAliases = ['reviews-by-assignment']
  static override flags = assignmentFlag

  async run(): Promise<Output<'review.listVerdicts'>> {
    const { flags } = await this.parse(ReviewList)
    return this.show(await this.query(flags, 'review.listVerdicts', { assignmentId: flags['assignment-id'] }), {
      verdicts: ['reviewerId', 'attempt', 'outcome', 'scoreBps', 'atMs'],
    })
  }
}
