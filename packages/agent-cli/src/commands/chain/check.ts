import * as Args from '@oclif/core/args'
import type { CheckedChain } from '../../agent/check-chain.ts'
import { AgentCommand } from '../../base-command.ts'

const EXIT_USAGE = 2

export default class ChainCheck extends AgentCommand {
  static override summary = 'Check a chain file.'
  static override description =
    'Tells everything that is wrong with it, with line and column, and exits 2; of one that can be run, what it costs at least. Nobody is asked, and no identity is needed.'
  static override examples = ['<%= config.bin %> chain check chain.yaml']
  static override args = { file: Args.string({ description: 'The chain file.', required: true }) }

  async run(): Promise<CheckedChain> {
    const { args } = await this.parse(ChainCheck)
    const { checkChain } = await import('../../agent/check-chain.ts')
    const checked = await checkChain(args.file)
    const { lines, ...result } = checked
    if (result.ok) return this.show(result)
    process.exitCode = EXIT_USAGE
    for (const line of lines) this.log(line)
    return result
  }
}
