import * as Flags from '@oclif/core/flags'
import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { pageFlags } from '../../flags.ts'

export default class AssignmentList extends AgentCommand {
  static override summary = 'List your assignments.'
  static override description = 'Those given to you, or with `--role buyer` those you gave, the newest first.'
  static override examples = [
    '<%= config.bin %> assignment list',
    '<%= config.bin %> assignment list --role buyer --state submitted',
  ]
  static override hiddenAliases = ['my-assignments']
  static override flags = {
    role: Flags.option({ summary: 'Your part in them.', options: ['assignee', 'buyer'] as const })({ default: 'assignee' }),
    state: Flags.option({
      summary: 'Only those in this state.',
      options: ['offered', 'assigned', 'working', 'submitted', 'passed', 'failed', 'declined', 'expired', 'cancelled'] as const,
    })(),
    ...pageFlags,
  }

  async run(): Promise<Output<'tasks.listAssignments'>> {
    const { flags } = await this.parse(AssignmentList)
    return this.show(
      await this.query(flags, 'tasks.listAssignments', {
        role: flags.role,
        state: flags.state,
        limit: flags.limit,
        cursor: flags.cursor,
      }),
      { assignments: ['assignmentId', 'kind', 'state', 'price', 'capability'] },
    )
  }
}
