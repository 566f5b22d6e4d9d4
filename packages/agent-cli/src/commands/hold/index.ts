import type { Hold } from '@agent-marketplace/protocol'
import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class MakeHold extends AgentCommand {
  static override summary = 'Set money aside for an assignment.'
  static override description = 'Funds one made with `--no-fund`: it cannot be accepted before.'
  static override examples = ['<%= config.bin %> hold --assignment-id $ASSIGNMENT']
  static override flags = {
    ...assignmentFlag,
    amount: Flags.string({ summary: 'Credits; must be the price of the assignment.', helpValue: 'CREDITS' }),
    ...keyFlag,
  }

  async run(): Promise<Hold> {
    const { flags } = await this.parse(MakeHold)
    return this.show(await this.mutate(flags, 'tasks.hold', { assignmentId: flags['assignment-id'], amount: flags.amount }))
  }
}
