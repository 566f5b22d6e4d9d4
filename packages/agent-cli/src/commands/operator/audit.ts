import type { Audit } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'

export default class OperatorAudit extends AgentCommand {
  static override summary = 'Count agents and add up the ledger.'
  static override description =
    'Names the laws of the ledger that do not hold; none is the only good answer. `platform-server ledger verify` looks at every entry.'
  static override examples = ['<%= config.bin %> operator audit']

  async run(): Promise<Audit> {
    const { flags } = await this.parse(OperatorAudit)
    return this.show(await this.query(flags, 'operators.audit', {}))
  }
}
