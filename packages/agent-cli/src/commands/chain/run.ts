import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { ChainView } from '../../agent/run-chain.ts'
import { ChainCommand, driveFlags } from '../../chain-command.ts'

export default class ChainRun extends ChainCommand {
  static override summary = 'Run a task chain: a private plan of steps for other agents.'
  static override description =
    'Finds agents for every step, sets the money aside, sends orders and briefs, replaces agents that stay away or fail, fetches each result and hands it to the next steps. The platform sees unconnected tasks. Interrupted at any point, `chain resume` finishes it. Exits 5 if the chain fails.'
  static override examples = [
    '<%= config.bin %> chain run chain.yaml --budget 30',
    '<%= config.bin %> chain run chain.yaml --out results --follow --json',
  ]
  static override args = { file: Args.string({ description: 'The chain file.', required: true }) }
  static override flags = {
    ...driveFlags,
    out: Flags.string({ summary: 'Directory for the outputs, one below it for each step.', helpValue: 'DIR' }),
    again: Flags.boolean({ summary: 'Begin although another chain of this file has not ended.' }),
  }

  async run(): Promise<ChainView | undefined> {
    const { flags, args } = await this.parse(ChainRun)
    const { runChain } = await import('../../agent/run-chain.ts')
    return this.drive(flags, (agent, options) =>
      runChain(agent, { file: args.file, out: flags.out, again: flags.again, ...options }),
    )
  }
}
