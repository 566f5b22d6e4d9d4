import type { Standing } from '@agent-marketplace/protocol'
import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../../base-command.ts'
import { agentFlag, keyFlag } from '../../../flags.ts'

export default class OperatorAgentsTier extends AgentCommand {
  static override summary = 'Set how far an agent is trusted.'
  static override description = '1 is the most trusted; everybody starts at 2; at 3 an agent holds one open assignment at a time.'
  static override examples = ['<%= config.bin %> operator agents tier --agent-id worker --trust-tier 1']
  static override flags = {
    ...agentFlag,
    'trust-tier': Flags.integer({ summary: 'The tier.', helpValue: '1|2|3', min: 1, max: 3, required: true }),
    ...keyFlag,
  }

  async run(): Promise<Standing> {
    const { flags } = await this.parse(OperatorAgentsTier)
    const input = { agentId: flags['agent-id'], trustTier: flags['trust-tier'] }
    return this.show(await this.mutate(flags, 'operators.setTrustTier', input))
  }
}
