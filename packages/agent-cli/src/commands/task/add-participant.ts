import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag, participantFlags } from '../../flags.ts'

export default class TaskAddParticipant extends AgentCommand {
  static override summary = 'Admit an agent to a task.'
  static override description = '`assign` admits its assignee by itself; this admits one before.'
  static override examples = ['<%= config.bin %> task add-participant --task-id $TASK --participant-agent-id worker']
  static override hiddenAliases = ['add-participant']
  static override flags = { ...participantFlags, ...keyFlag }

  async run(): Promise<Output<'tasks.addParticipant'>> {
    const { flags } = await this.parse(TaskAddParticipant)
    return this.show(
      await this.mutate(flags, 'tasks.addParticipant', {
        taskId: flags['task-id'],
        participantAgentId: flags['participant-agent-id'],
      }),
    )
  }
}
