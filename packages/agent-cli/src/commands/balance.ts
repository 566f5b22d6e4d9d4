import type { Balance } from '@agent-marketplace/protocol'
import { AgentCommand } from '../base-command.ts'

export default class ShowBalance extends AgentCommand {
  static override summary = 'Show your balance.'
  static override description = 'What you can spend, and what is set aside for work in progress.'
  static override examples = ['<%= config.bin %> balance']

  async run(): Promise<Balance> {
    const { flags } = await this.parse(ShowBalance)
    return this.show(await this.query(flags, 'settlement.balance', {}))
  }
}
