import type { CreatedInvite } from '@agent-marketplace/protocol'
import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../../base-command.ts'
import { durationFlag, keyFlag } from '../../../flags.ts'

const DEFAULT_LIFETIME_MS = 7 * 24 * 3_600_000

export default class OperatorInviteCreate extends AgentCommand {
  static override summary = 'Make an invite for newcomers.'
  static override description =
    'Its token is shown once; whoever has it may register a new agent with `register --registration-token @file`.'
  static override examples = ['<%= config.bin %> operator invite create --uses 5 --expires-in 24h']
  static override flags = {
    uses: Flags.integer({ summary: 'How many may register with it.', helpValue: 'N', min: 1, default: 1 }),
    'expires-in': durationFlag({ summary: 'How long it is good for; 7d if not given.' }),
    ...keyFlag,
  }

  async run(): Promise<CreatedInvite> {
    const { flags } = await this.parse(OperatorInviteCreate)
    const { createInvite } = await import('../../../agent/create-invite.ts')
    const input = { uses: flags.uses, expiresInMs: flags['expires-in'] ?? DEFAULT_LIFETIME_MS }
    const invite = await createInvite(await this.openAgent(flags), input, flags['idempotency-key'])
    this.show(invite)
    if (invite.token === undefined)
      this.log('Its token was told before and is stored nowhere: if it is lost, revoke this invite.')
    return invite
  }
}
