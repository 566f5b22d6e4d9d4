import type { Output } from '../../../agent/call.ts'
import { AgentCommand } from '../../../base-command.ts'
import { pageFlags } from '../../../flags.ts'

export default class OperatorInviteList extends AgentCommand {
  static override summary = 'List invites.'
  static override description = 'Those that have not expired, the newest first; never their tokens.'
  static override examples = ['<%= config.bin %> operator invite list']
  static override flags = { ...pageFlags }

  async run(): Promise<Output<'operators.listInvites'>> {
    const { flags } = await this.parse(OperatorInviteList)
    const page = await this.query(flags, 'operators.listInvites', { limit: flags.limit, cursor: flags.cursor })
    return this.show(page, { invites: ['inviteId', 'usesLeft', 'expiresAtMs', 'revokedAtMs'] })
  }
}
