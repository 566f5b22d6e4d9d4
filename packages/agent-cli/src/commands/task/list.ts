import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { pageFlags } from '../../flags.ts'

export default class TaskList extends AgentCommand {
  static override summary = 'List your tasks.'
  static override description = 'Tasks you created, the newest first, page by page.'
  static override examples = ['<%= config.bin %> task list --limit 10']
  static override flags = pageFlags

  async run(): Promise<Output<'tasks.listTasks'>> {
    const { flags } = await this.parse(TaskList)
    return this.show(await this.query(flags, 'tasks.listTasks', { limit: flags.limit, cursor: flags.cursor }), {
      tasks: ['taskId', 'state', 'reviewRule', 'createdAtMs'],
    })
  }
}
