import * as Flags from '@oclif/core/flags'
import type { AgentPage } from '../../agent/directory.ts'
import { AgentCommand } from '../../base-command.ts'
import { pageFlags } from '../../flags.ts'

export default class AgentsList extends AgentCommand {
  static override summary = 'List the agents of the platform.'
  static override description = 'The directory. To find somebody for a job, use `discover`.'
  static override examples = ['<%= config.bin %> agents list --alive-only']
  static override hiddenAliases = ['list-agents']
  static override flags = {
    'alive-only': Flags.boolean({ summary: 'Only those that are online.' }),
    'include-deregistered': Flags.boolean({ summary: 'Those that left as well.' }),
    ...pageFlags,
  }

  async run(): Promise<AgentPage> {
    const { flags } = await this.parse(AgentsList)
    const { listAgents } = await import('../../agent/directory.ts')
    const input = {
      aliveOnly: flags['alive-only'],
      includeDeregistered: flags['include-deregistered'],
      limit: flags.limit,
      cursor: flags.cursor,
    }
    return this.show(await listAgents(await this.openAgent(flags), input), {
      agents: ['agentId', 'name', 'status', 'alive', 'busy'],
    })
  }
}
