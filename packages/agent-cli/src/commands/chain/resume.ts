import * as Args from '@oclif/core/args'
import type { ChainView } from '../../agent/run-chain.ts'
import { ChainCommand, driveFlags } from '../../chain-command.ts'

export default class ChainResume extends ChainCommand {
  static override summary = 'Go on with a chain that was interrupted or has failed.'
  static override description =
    'Nothing is ordered or paid twice. In a chain that has failed, failed steps are tried again by agents that were not asked yet. What the chain file says by now does not matter: the plan was kept when the chain began.'
  static override examples = [
    '<%= config.bin %> chain resume $CHAIN',
    '<%= config.bin %> chain resume $CHAIN --budget 50 --follow',
  ]
  static override args = { chain: Args.string({ description: 'The chain.', required: true }) }
  static override flags = { ...driveFlags }

  async run(): Promise<ChainView | undefined> {
    const { flags, args } = await this.parse(ChainResume)
    const { resumeChain } = await import('../../agent/run-chain.ts')
    return this.drive(flags, (agent, options) => resumeChain(agent, { chainId: args.chain, ...options }))
  }
}
