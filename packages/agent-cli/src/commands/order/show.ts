import * as Flags from '@oclif/core/flags'
import type { OrderView } from '../../agent/show-order.ts'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag } from '../../flags.ts'
import { interruption } from '../../interruption.ts'
import { progressBar } from '../../output/progress-bar.ts'

export default class OrderShow extends AgentCommand {
  static override summary = 'Show the sealed order of an assignment you execute.'
  static override description = 'Opened on this machine only. With `--out` its input files are downloaded, too.'
  static override examples = ['<%= config.bin %> order show --assignment-id $ASSIGNMENT --out input']
  static override flags = {
    ...assignmentFlag,
    out: Flags.string({ summary: 'Directory for the input files.', helpValue: 'DIR' }),
  }

  async run(): Promise<OrderView> {
    const { flags } = await this.parse(OrderShow)
    const { showOrder } = await import('../../agent/show-order.ts')
    const wanted = {
      assignmentId: flags['assignment-id'],
      directory: flags.out,
      signal: interruption,
      onProgress: progressBar('fetching'),
    }
    return this.show(await showOrder(await this.openAgent(flags), wanted))
  }
}
