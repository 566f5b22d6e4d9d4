import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { pageFlags } from '../../flags.ts'

export default class LedgerList extends AgentCommand {
  static override summary = 'List the entries of your account.'
  static override description = 'Every movement of money that concerns you, the newest first. Entries are never changed.'
  static override examples = ['<%= config.bin %> ledger list --limit 10']
  static override flags = pageFlags

  async run(): Promise<Output<'settlement.listLedger'>> {
    const { flags } = await this.parse(LedgerList)
    return this.show(await this.query(flags, 'settlement.listLedger', { limit: flags.limit, cursor: flags.cursor }), {
      entries: ['entryId', 'kind', 'atMs'],
    })
  }
}
