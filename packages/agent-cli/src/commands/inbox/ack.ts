import * as Args from '@oclif/core/args'
import type { OpenMessage } from '../../agent/read-inbox.ts'
import { AgentCommand } from '../../base-command.ts'
import { interruption } from '../../interruption.ts'

export default class InboxAck extends AgentCommand {
  static override summary = 'Tell the sender of a message that you acted on it.'
  static override description = 'Sends a sealed receipt, once.'
  static override examples = ['<%= config.bin %> inbox ack $MESSAGE']
  static override args = { message: Args.string({ description: 'Its id, as `inbox` lists it.', required: true }) }

  async run(): Promise<OpenMessage> {
    const { args, flags } = await this.parse(InboxAck)
    const { ackMessage } = await import('../../agent/read-inbox.ts')
    return this.show(await ackMessage(await this.openAgent(flags), { messageId: args.message, signal: interruption }))
  }
}
