import type { Standing } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../../base-command.ts'
import { agentFlag, keyFlag } from '../../../flags.ts'

export default class OperatorAgentsSuspend extends AgentCommand {
  static override summary = 'Let an agent do nothing but read.'
  static override description =
    'It keeps its money and its reads, is not found and gets no work. What it has open ends by its deadlines.'
  static override examples = ['<%= config.bin %> operator agents suspend --agent-id worker']
  static override flags = { ...agentFlag, ...keyFlag }

  async run(): Promise<Standing> {
    const { flags } = await this.parse(OperatorAgentsSuspend)
    return this.show(await this.mutate(flags, 'operators.suspendAgent', { agentId: flags['agent-id'] }))
  }
}
