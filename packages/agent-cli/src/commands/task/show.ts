import type { TaskDetail } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { pageFlags, taskFlag } from '../../flags.ts'

export default class TaskShow extends AgentCommand {
  static override summary = 'Show a task.'
  static override description =
    'Its participants, its sessions and its assignments, oldest first: a hundred of them, and the next ones with --cursor.'
  static override examples = ['<%= config.bin %> task show --task-id $TASK']
  static override flags = { ...taskFlag, ...pageFlags }

  async run(): Promise<TaskDetail> {
    const { flags } = await this.parse(TaskShow)
    const { 'task-id': taskId, limit, cursor } = flags
    return this.show(await this.query(flags, 'tasks.getTask', { taskId, limit, cursor }), {
      assignments: ['assignmentId', 'kind', 'assigneeId', 'state'],
      sessions: ['sessionId', 'state'],
    })
  }
}
