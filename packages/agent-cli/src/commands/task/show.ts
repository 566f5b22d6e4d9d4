import type { TaskDetail } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { taskFlag } from '../../flags.ts'

export default class TaskShow extends AgentCommand {
  static override summary = 'Show a task.'
  static override description = 'Its participants, sessions and assignments, as far as you may see them.'
  static override examples = ['<%= config.bin %> task show --task-id $TASK']
  static override flags = taskFlag

  async run(): Promise<TaskDetail> {
    const { flags } = await this.parse(TaskShow)
    return this.show(await this.query(flags, 'tasks.getTask', { taskId: flags['task-id'] }), {
      assignments: ['assignmentId', 'kind', 'assigneeId', 'state'],
      sessions: ['sessionId', 'state'],
    })
  }
}
