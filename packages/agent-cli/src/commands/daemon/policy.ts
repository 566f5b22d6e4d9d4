import * as Flags from '@oclif/core/flags'
import type { PolicyReport } from '../../agent/show-policy.ts'
import { AgentCommand } from '../../base-command.ts'
import { policyFlags } from '../../policy-flags.ts'

export default class DaemonPolicy extends AgentCommand {
  static override summary = 'Show or set what the daemon of this profile takes on.'
  static override description =
    'What is named is set, the rest stays; a list that is named takes the place of the one before. A running daemon goes by it at once. Its own flags go before the policy of the profile. The policy never leaves this machine: an assignment it does not want is declined, with the reason sealed to the buyer.'
  static override examples = [
    '<%= config.bin %> daemon policy',
    '<%= config.bin %> daemon policy --min-price 5 --max-input 20MiB --daily-jobs 100 --deny-buyer mallory',
    '<%= config.bin %> daemon policy --reset',
  ]
  static override flags = { ...policyFlags, reset: Flags.boolean({ summary: 'Forget what was set before.' }) }

  async run(): Promise<PolicyReport> {
    const { flags } = await this.parse(DaemonPolicy)
    const { setPolicy, showPolicy } = await import('../../agent/show-policy.ts')
    const { directory } = (await this.agentOptions(flags)).profile
    await setPolicy(directory, flags, { isReset: flags.reset })
    return this.show(showPolicy(directory))
  }
}
