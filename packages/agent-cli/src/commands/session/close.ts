import type { Session } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag, sessionFlag } from '../../flags.ts'

export default class SessionClose extends AgentCommand {
  static override summary = 'Close a session.'
  static override description = 'No further assignment can be made in it; those there are go on.'
  static override examples = ['<%= config.bin %> session close --session-id $SESSION']
  static override flags = { ...sessionFlag, ...keyFlag }

  async run(): Promise<Session> {
    const { flags } = await this.parse(SessionClose)
    return this.show(await this.mutate(flags, 'tasks.closeSession', { sessionId: flags['session-id'] }))
  }
}
