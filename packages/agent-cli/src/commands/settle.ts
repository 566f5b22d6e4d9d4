import type { SettleReceipt } from '@agent-marketplace/protocol'
import { AgentCommand } from '../base-command.ts'
import { assignmentFlag, keyFlag } from '../flags.ts'

export default class Settle extends AgentCommand {
  static override summary = 'Decide an assignment again on the verdicts there are.'
  static override description =
    'Does nothing twice. It is the repair for a decision that is due and was not taken; otherwise the platform decides by itself.'
  static override examples = ['<%= config.bin %> settle --assignment-id $ASSIGNMENT']
  static override hiddenAliases = ['settle-execute', 'settle-review']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<SettleReceipt> {
    const { flags } = await this.parse(Settle)
    return this.show(await this.mutate(flags, 'review.settle', { assignmentId: flags['assignment-id'] }))
  }
}
