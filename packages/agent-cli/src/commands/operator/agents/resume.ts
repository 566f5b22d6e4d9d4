import type { Standing } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../../base-command.ts'
import { agentFlag, keyFlag } from '../../../flags.ts'

export default class OperatorAgentsResume extends AgentCommand {
  static override summary = 'Let a suspended agent act again.'
  static override description = 'As it was before it was suspended.'
  static override examples = ['<%= config.bin %> operator agents resume --agent-id worker']
  static override flags = { ...agentFlag, ...keyFlag }

  async run(): Promise<Standing> {
    const { flags } = await this.parse(OperatorAgentsResume)
    return this.show(await this.mutate(flags, 'operators.resumeAgent', { agentId: flags['agent-id'] }))
  }
}
