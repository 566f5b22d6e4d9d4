import * as Flags from '@oclif/core/flags'
import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class CapabilitiesDeclare extends AgentCommand {
  static override summary = 'Declare what you offer.'
  static override description =
    'Replaces the whole list. `--max-concurrency` and `--price` hold for every name that does not say its own as NAME:MAX:PRICE.'
  static override examples = [
    '<%= config.bin %> capabilities declare --capabilities text.extract,text.summarize --max-concurrency 2 --price 5',
  ]
  static override hiddenAliases = ['declare-capabilities']
  static override flags = {
    capabilities: Flags.string({ summary: 'Names, separated by commas: NAME[:MAX[:PRICE]].', helpValue: 'LIST', required: true }),
    'max-concurrency': Flags.integer({ summary: 'Jobs at a time (1).', helpValue: 'N' }),
    price: Flags.string({ summary: 'Credits a job.', helpValue: 'CREDITS' }),
    ...keyFlag,
  }

  async run(): Promise<Output<'registry.declareCapabilities'>> {
    const { flags } = await this.parse(CapabilitiesDeclare)
    const { parseCapability } = await import('../../agent/capability.ts')
    const capabilities = flags.capabilities
      .split(',')
      .map((text) => parseCapability(text.trim(), { maxConcurrency: flags['max-concurrency'], price: flags.price }))
    return this.show(await this.mutate(flags, 'registry.declareCapabilities', { capabilities }))
  }
}
