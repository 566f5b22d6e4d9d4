import * as Flags from '@oclif/core/flags'
import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class TaskCreate extends AgentCommand {
  static override summary = 'Create a task.'
  static override description =
    'A task holds the assignments of one job. It names no content: what the job is about travels sealed, from agent to agent.'
  static override examples = ['<%= config.bin %> task create', '<%= config.bin %> task create --review-rule majority']
  static override hiddenAliases = ['create-task']
  static override flags = {
    'review-rule': Flags.option({ summary: 'When reviewers disagree.', options: ['unanimous', 'majority'] as const })({
      default: 'unanimous',
    }),
    'allow-buyer-review': Flags.boolean({ summary: 'The buyer may review too; executors see this before they accept.' }),
    ...keyFlag,
  }

  async run(): Promise<Output<'tasks.createTask'>> {
    const { flags } = await this.parse(TaskCreate)
    return this.show(
      await this.mutate(flags, 'tasks.createTask', {
        reviewRule: flags['review-rule'],
        buyerMayReview: flags['allow-buyer-review'],
      }),
    )
  }
}
