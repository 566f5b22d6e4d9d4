import type { ChainSummary } from '../../agent/chain-status.ts'
import { AgentCommand } from '../../base-command.ts'

export default class ChainList extends AgentCommand {
  static override summary = 'List the chains of this profile.'
  static override description = 'The newest first, as this machine knows them; nobody is asked.'
  static override examples = ['<%= config.bin %> chain list']

  async run(): Promise<{ chains: ChainSummary[] }> {
    const { flags } = await this.parse(ChainList)
    const { listChainStatus } = await import('../../agent/chain-status.ts')
    const chains = listChainStatus(await this.openAgent(flags))
    return this.show({ chains }, { chains: ['chainId', 'state', 'passed', 'spent', 'createdAtMs', 'file'] })
  }
}
