import * as Flags from '@oclif/core/flags'
import type { ReviewResult } from '../../agent/run-review.ts'
import { AgentCommand } from '../../base-command.ts'
import { interruption } from '../../interruption.ts'

export default class ReviewRun extends AgentCommand {
  static override summary = 'Judge work with the validators of the sealed brief, on this machine.'
  static override description =
    'Downloads the work, runs JSON Schema, rules and tests, and shows what they say. With `--submit` the verdict is signed and submitted, and the report sent to buyer and executor. Tests of others are run isolated as far as this system can.'
  static override examples = ['<%= config.bin %> review run --review-assignment-id $REVIEW --submit']
  static override flags = {
    'review-assignment-id': Flags.string({ summary: 'Your review assignment.', helpValue: 'ID', required: true }),
    submit: Flags.boolean({ summary: 'Submit the verdict.' }),
  }

  async run(): Promise<ReviewResult> {
    const { flags } = await this.parse(ReviewRun)
    const { runReview } = await import('../../agent/run-review.ts')
    const review = { reviewAssignmentId: flags['review-assignment-id'], submit: flags.submit, signal: interruption }
    return this.show(await runReview(await this.openAgent(flags), review))
  }
}
