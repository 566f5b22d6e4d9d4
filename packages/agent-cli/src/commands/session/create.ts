import type { Session } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag, taskFlag } from '../../flags.ts'

export default class SessionCreate extends AgentCommand {
  static override summary = 'Open a session in a task.'
  static override description = 'A session groups the assignments of one round. Without one, `assign` makes its own.'
  static override examples = ['<%= config.bin %> session create --task-id $TASK']
  static override hiddenAliases = ['create-session']
  static override flags = { ...taskFlag, ...keyFlag }

  async run(): Promise<Session> {
    const { flags } = await this.parse(SessionCreate)
    return this.show(await this.mutate(flags, 'tasks.createSession', { taskId: flags['task-id'] }))
  }
}
