import type { Invite } from '@agent-marketplace/protocol'
import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../../base-command.ts'
import { keyFlag } from '../../../flags.ts'

export default class OperatorInviteRevoke extends AgentCommand {
  static override summary = 'Let an invite admit nobody any more.'
  static override description = 'Who registered with it stays registered.'
  static override examples = ['<%= config.bin %> operator invite revoke --invite-id $INVITE']
  static override flags = {
    'invite-id': Flags.string({ summary: 'The invite.', helpValue: 'ID', required: true }),
    ...keyFlag,
  }

  async run(): Promise<Invite> {
    const { flags } = await this.parse(OperatorInviteRevoke)
    return this.show(await this.mutate(flags, 'operators.revokeInvite', { inviteId: flags['invite-id'] }))
  }
}
