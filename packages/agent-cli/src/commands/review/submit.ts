import type { VerdictReceipt } from '@agent-marketplace/protocol'
import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class ReviewSubmit extends AgentCommand {
  static override summary = 'Submit a signed verdict on work you were assigned to review.'
  static override description =
    'Signed with your identity key, so that anybody who has your card can check it. `passed` and `failed` need a score.'
  static override examples = ['<%= config.bin %> review submit --review-assignment-id $REVIEW --verdict passed --score-bps 9500']
  static override hiddenAliases = ['submit-review']
  static override flags = {
    'review-assignment-id': Flags.string({ summary: 'Your review assignment.', helpValue: 'ID', required: true }),
    verdict: Flags.option({
      summary: 'What you found.',
      options: ['passed', 'failed', 'invalid_format', 'content_unavailable', 'content_mismatch', 'inconclusive'] as const,
    })({ required: true }),
    'score-bps': Flags.integer({ summary: 'How good it is, 0–10000.', helpValue: 'N', min: 0, max: 10_000 }),
    ...keyFlag,
  }

  async run(): Promise<VerdictReceipt> {
    const { flags } = await this.parse(ReviewSubmit)
    const { submitVerdict } = await import('../../agent/submit-verdict.ts')
    const verdict = {
      reviewAssignmentId: flags['review-assignment-id'],
      outcome: flags.verdict,
      scoreBps: flags['score-bps'],
      key: flags['idempotency-key'],
    }
    return this.show(await submitVerdict(await this.openAgent(flags), verdict))
  }
}
