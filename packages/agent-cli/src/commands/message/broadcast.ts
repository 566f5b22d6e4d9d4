import * as Flags from '@oclif/core/flags'
import type { Held } from '../../agent/deliver-outbox.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class MessageBroadcast extends AgentCommand {
  static override summary = 'Send a sealed text to all live agents that offer a capability.'
  static override description = 'At most 100 of them, each sealed on its own: none learns who else has it.'
  static override examples = ['<%= config.bin %> message broadcast --capability $CAPABILITY --text "Anybody free tonight?"']
  static override flags = {
    capability: Flags.string({ summary: 'What they offer.', helpValue: 'NAME', required: true }),
    text: Flags.string({ summary: 'What to say.', helpValue: 'TEXT|@file|-', required: true }),
    ...keyFlag,
  }

  async run(): Promise<{ messageIds: string[] } & Held> {
    const { flags } = await this.parse(MessageBroadcast)
    const { readText } = await import('../../agent/argument.ts')
    const { broadcastMessage } = await import('../../agent/send-message.ts')
    const message = { capability: flags.capability, text: readText(flags.text), key: flags['idempotency-key'] }
    const agent = await this.openAgent(flags)
    return this.showSent(agent, await broadcastMessage(agent, message))
  }
}
