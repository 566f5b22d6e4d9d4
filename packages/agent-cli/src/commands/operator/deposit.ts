import * as Flags from '@oclif/core/flags'
import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { agentFlag, keyFlag } from '../../flags.ts'

export default class OperatorDeposit extends AgentCommand {
  static override summary = 'Credit an agent.'
  static override description = 'The money comes from outside: you have received it some other way.'
  static override examples = ['<%= config.bin %> operator deposit --agent-id buyer --amount 100']
  static override flags = {
    ...agentFlag,
    amount: Flags.string({ summary: 'Credits, such as 100 or 5.25.', helpValue: 'CREDITS', required: true }),
    ...keyFlag,
  }

  async run(): Promise<Output<'settlement.deposit'>> {
    const { flags } = await this.parse(OperatorDeposit)
    const input = { agentId: flags['agent-id'], amount: flags.amount }
    return this.show(await this.mutate(flags, 'settlement.deposit', input))
  }
}
