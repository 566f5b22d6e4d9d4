import * as Args from '@oclif/core/args'
import type { CancelledChain } from '../../agent/cancel-chain.ts'
import { ChainCommand } from '../../chain-command.ts'
import { interruption } from '../../interruption.ts'

export default class ChainCancel extends ChainCommand {
  static override summary = 'Cancel a chain and take back what nobody has begun.'
  static override description =
    'Nothing more is begun, and the money of work that nobody has begun comes back. Work that was accepted or handed in cannot be taken back: it is listed under `left`, goes on, and is paid if it passes. Cancel again later to take back what lapsed.'
  static override examples = ['<%= config.bin %> chain cancel $CHAIN']
  static override args = { chain: Args.string({ description: 'The chain.', required: true }) }

  async run(): Promise<CancelledChain> {
    const { flags, args } = await this.parse(ChainCancel)
    const { cancelChain } = await import('../../agent/cancel-chain.ts')
    return this.showChain(await cancelChain(await this.openAgent(flags), { chainId: args.chain, signal: interruption }))
  }
}
