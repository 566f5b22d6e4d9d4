import type { Task } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag, taskFlag } from '../../flags.ts'

export default class TaskCancel extends AgentCommand {
  static override summary = 'Cancel a task.'
  static override description = 'Cancels what nobody works on yet and releases the money held for it.'
  static override examples = ['<%= config.bin %> task cancel --task-id $TASK']
  static override flags = { ...taskFlag, ...keyFlag }

  async run(): Promise<Task> {
    const { flags } = await this.parse(TaskCancel)
    return this.show(await this.mutate(flags, 'tasks.cancelTask', { taskId: flags['task-id'] }))
  }
}
