import * as Flags from '@oclif/core/flags'
import type { Output } from '../agent/call.ts'
import { AgentCommand } from '../base-command.ts'
import { keyFlag } from '../flags.ts'

export default class Deposit extends AgentCommand {
  static override summary = 'Put credits into an account.'
  static override description = 'Your own where deposits are open to all; operators name the agent they credit.'
  static override examples = ['<%= config.bin %> deposit --amount 100']
  static override flags = {
    amount: Flags.string({ summary: 'Credits, such as 100 or 5.25.', helpValue: 'CREDITS', required: true }),
    'agent-id': Flags.string({ summary: 'Whose account (operators).', helpValue: 'ID' }),
    ...keyFlag,
  }

  async run(): Promise<Output<'settlement.deposit'>> {
    const { flags } = await this.parse(Deposit)
    return this.show(await this.mutate(flags, 'settlement.deposit', { amount: flags.amount, agentId: flags['agent-id'] }))
  }
}
