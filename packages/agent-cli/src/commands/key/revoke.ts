import * as Flags from '@oclif/core/flags'
import type { ChangedKey } from '../../agent/rotate-key.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class KeyRevoke extends AgentCommand {
  static override summary = 'Leave the platform and revoke your identity key for good.'
  static override description =
    'Publishes a last card, signed by the key itself: nobody seals anything to it or reads anything under it any more. Only `key recover` brings the agent back.'
  static override examples = ['<%= config.bin %> key revoke --yes']
  static override flags = { yes: Flags.boolean({ summary: 'Do not ask.' }), ...keyFlag }

  async run(): Promise<ChangedKey> {
    const { flags } = await this.parse(KeyRevoke)
    if (!flags.yes) await this.confirm('Leave the platform and revoke this key for good?')
    const { revokeKey } = await import('../../agent/revoke-key.ts')
    return this.show(await revokeKey(await this.openAgent(flags), flags['idempotency-key']))
  }
}
