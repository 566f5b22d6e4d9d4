import * as Flags from '@oclif/core/flags'
import type { Outbox as Listed } from '../agent/list-outbox.ts'
import { AgentCommand } from '../base-command.ts'
import { interruption } from '../interruption.ts'

export default class Outbox extends AgentCommand {
  static override summary = 'List sealed messages you sent, newest first, and how far each has come.'
  static override description =
    'waiting: not sent yet. sent: the relay has it, which says nothing about who it is for. stored, opened, acted: the recipient says so, under its signature; stored is not opened. refused: the relay will never take it. `relayAway`: why the relay could not be asked for receipts.'
  static override examples = ['<%= config.bin %> outbox', '<%= config.bin %> outbox --to $AGENT --waiting']
  static override flags = {
    to: Flags.string({ summary: 'Only to this agent.', helpValue: 'AGENT' }),
    waiting: Flags.boolean({ summary: 'Only what is not sent yet.' }),
    limit: Flags.integer({ summary: 'How many to list.', helpValue: 'N', min: 0, max: 1000 }),
  }

  async run(): Promise<Listed> {
    const { flags } = await this.parse(Outbox)
    const { listOutbox } = await import('../agent/list-outbox.ts')
    const { to, waiting: isWaiting, limit } = flags
    return this.show(await listOutbox(await this.openAgent(flags), { to, isWaiting, limit, signal: interruption }), {
      messages: ['messageId', 'to', 'typ', 'state', 'sealedAtMs', 'dueAtMs'],
    })
  }
}
