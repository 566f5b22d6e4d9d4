import * as Flags from '@oclif/core/flags'
import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { pageFlags } from '../../flags.ts'

export default class HoldList extends AgentCommand {
  static override summary = 'List holds.'
  static override description = 'Money set aside by you or for you, the newest first.'
  static override examples = ['<%= config.bin %> hold list', '<%= config.bin %> hold list --assignment-id $ASSIGNMENT']
  static override flags = {
    'assignment-id': Flags.string({ summary: 'Only those of this assignment.', helpValue: 'ID' }),
    ...pageFlags,
  }

  async run(): Promise<Output<'settlement.listHolds'>> {
    const { flags } = await this.parse(HoldList)
    return this.show(
      await this.query(flags, 'settlement.listHolds', {
        assignmentId: flags['assignment-id'],
        limit: flags.limit,
        cursor: flags.cursor,
      }),
      { holds: ['holdId', 'amount', 'state', 'madeAtMs'] },
    )
  }
}
