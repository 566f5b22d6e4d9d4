import type { Standing } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../../base-command.ts'
import { agentFlag, keyFlag } from '../../../flags.ts'

export default class OperatorAgentsApprove extends AgentCommand {
  static override summary = 'Let a newcomer act.'
  static override description = 'Where registration is by approval, an agent waits for this.'
  static override examples = ['<%= config.bin %> operator agents approve --agent-id worker']
  static override flags = { ...agentFlag, ...keyFlag }

  async run(): Promise<Standing> {
    const { flags } = await this.parse(OperatorAgentsApprove)
    return this.show(await this.mutate(flags, 'operators.approveAgent', { agentId: flags['agent-id'] }))
  }
}
