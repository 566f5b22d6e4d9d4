import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag } from '../../flags.ts'

export default class ReviewList extends AgentCommand {
  static override summary = 'List the verdicts on an assignment.'
  static override description =
    'Each is checked against the key of its reviewer. Saved with --json, `verify` checks them again without the platform.'
  static override examples = ['<%= config.bin %> review list --assignment-id $ASSIGNMENT']
  static override hiddenAliases = ['reviews-by-assignment']
  static override flags = assignmentFlag

  async run(): Promise<Output<'review.listVerdicts'>> {
    const { flags } = await this.parse(ReviewList)
    const { listVerdicts } = await import('../../agent/list-verdicts.ts')
    return this.show(await listVerdicts(await this.openAgent(flags), flags['assignment-id']), {
      verdicts: ['reviewerId', 'attempt', 'outcome', 'scoreBps', 'atMs'],
    })
  }
}
