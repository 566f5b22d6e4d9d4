import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag, participantFlags } from '../../flags.ts'

export default class TaskRemoveParticipant extends AgentCommand {
  static override summary = 'Remove an agent from a task.'
  static override description = 'Its history stays. Refused while it has open work in the task.'
  static override examples = ['<%= config.bin %> task remove-participant --task-id $TASK --participant-agent-id worker']
  static override flags = { ...participantFlags, ...keyFlag }

  async run(): Promise<Output<'tasks.removeParticipant'>> {
    const { flags } = await this.parse(TaskRemoveParticipant)
    return this.show(
      await this.mutate(flags, 'tasks.removeParticipant', {
        taskId: flags['task-id'],
        participantAgentId: flags['participant-agent-id'],
      }),
    )
  }
}
