import type { Hold } from '@agent-marketplace/protocol'
import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../base-command.ts'
import { keyFlag } from '../flags.ts'

export default class Refund extends AgentCommand {
  static override summary = 'Take back money set aside for work nobody does.'
  static override description =
    'Cancels the assignment and releases its hold. Refused while somebody works under a live lease, and after submission.'
  static override examples = ['<%= config.bin %> refund --hold-id $HOLD']
  static override flags = {
    'hold-id': Flags.string({ summary: 'The hold.', helpValue: 'ID', required: true }),
    ...keyFlag,
  }

  async run(): Promise<Hold> {
    const { flags } = await this.parse(Refund)
    return this.show(await this.mutate(flags, 'tasks.refund', { holdId: flags['hold-id'] }))
  }
}
