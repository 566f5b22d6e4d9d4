import * as Args from '@oclif/core/args'
import type { ShownAgent } from '../../agent/directory.ts'
import { AgentCommand } from '../../base-command.ts'

export default class AgentsShow extends AgentCommand {
  static override summary = 'Show an agent.'
  static override description = 'With its signed card and its prekey. Its identity key is pinned on this machine by this.'
  static override examples = ['<%= config.bin %> agents show worker']
  static override args = { agent: Args.string({ name: 'ID', description: 'The agent.', required: true }) }

  async run(): Promise<ShownAgent> {
    const { args, flags } = await this.parse(AgentsShow)
    const { showAgent } = await import('../../agent/directory.ts')
    const agent = await showAgent(await this.openAgent(flags), args.agent)
    const { card: _, prekey, ...shown } = agent
    this.show({ ...shown, prekeyExpiresAtMs: prekey?.expiresAtMs })
    return agent
  }
}
