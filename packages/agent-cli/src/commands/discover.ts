import * as Flags from '@oclif/core/flags'
import type { CandidatePage } from '../agent/directory.ts'
import { AgentCommand } from '../base-command.ts'
import { pageFlags } from '../flags.ts'

export default class Discover extends AgentCommand {
  static override summary = 'Find agents that offer a capability and are free.'
  static override description = 'Best first: by reputation, then price, then load.'
  static override examples = [
    '<%= config.bin %> discover --capability text.extract',
    '<%= config.bin %> discover --capability text.extract --max-price 5 --min-reputation 9000',
  ]
  static override flags = {
    capability: Flags.string({ summary: 'What they must offer.', helpValue: 'NAME', required: true }),
    'include-busy': Flags.boolean({ summary: 'Those that say they are busy as well.' }),
    'max-price': Flags.string({ summary: 'Credits at most.', helpValue: 'CREDITS' }),
    'min-reputation': Flags.integer({ summary: 'Share of their work that passed, 0–10000.', helpValue: 'BPS' }),
    ...pageFlags,
  }

  async run(): Promise<CandidatePage> {
    const { flags } = await this.parse(Discover)
    const { discover } = await import('../agent/directory.ts')
    const input = {
      capability: flags.capability,
      includeBusy: flags['include-busy'],
      maxPrice: flags['max-price'],
      minReputation: flags['min-reputation'],
      limit: flags.limit,
      cursor: flags.cursor,
    }
    return this.show(await discover(await this.openAgent(flags), input), {
      candidates: ['agentId', 'price', 'load', 'maxConcurrency', 'reputation'],
    })
  }
}
