import type { Task } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag, taskFlag } from '../../flags.ts'

export default class TaskComplete extends AgentCommand {
  static override summary = 'Complete a task.'
  static override description = 'Says that nothing more is to come: no further assignment can be made in it.'
  static override examples = ['<%= config.bin %> task complete --task-id $TASK']
  static override flags = { ...taskFlag, ...keyFlag }

  async run(): Promise<Task> {
    const { flags } = await this.parse(TaskComplete)
    return this.show(await this.mutate(flags, 'tasks.completeTask', { taskId: flags['task-id'] }))
  }
}
