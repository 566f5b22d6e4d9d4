import * as Args from '@oclif/core/args'
import type { ChainView } from '../../agent/run-chain.ts'
import { ChainCommand } from '../../chain-command.ts'

export default class ChainShow extends ChainCommand {
  static override summary = 'Show how a chain stands.'
  static override description =
    'As this machine knows it; nobody is asked. `interrupted` means that it has not ended and nothing moves it on: `chain resume` does.'
  static override examples = ['<%= config.bin %> chain show $CHAIN']
  static override args = { chain: Args.string({ description: 'The chain.', required: true }) }

  async run(): Promise<ChainView> {
    const { flags, args } = await this.parse(ChainShow)
    const { chainStatus } = await import('../../agent/chain-status.ts')
    return this.showChain(chainStatus(await this.openAgent(flags), args.chain))
  }
}
