import * as Args from '@oclif/core/args'
import type { Held } from '../../agent/deliver-outbox.ts'
import type { OpenMessage } from '../../agent/read-inbox.ts'
import { AgentCommand } from '../../base-command.ts'
import { interruption } from '../../interruption.ts'

export default class InboxAck extends AgentCommand {
  static override summary = 'Tell the sender of a message that you acted on it.'
  static override description = 'Sends a sealed receipt, once.'
  static override examples = ['<%= config.bin %> inbox ack $MESSAGE']
  static override args = { message: Args.string({ description: 'Its id, as `inbox` lists it.', required: true }) }

  async run(): Promise<OpenMessage & Held> {
    const { args, flags } = await this.parse(InboxAck)
    const { ackMessage } = await import('../../agent/read-inbox.ts')
    const agent = await this.openAgent(flags)
    return this.showSent(agent, await ackMessage(agent, { messageId: args.message, signal: interruption }))
  }
}
