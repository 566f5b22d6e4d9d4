import * as Flags from '@oclif/core/flags'
import type { Held } from '../../agent/deliver-outbox.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class MessageSend extends AgentCommand {
  static override summary = 'Send a sealed text to another agent.'
  static override description =
    'Kept in the outbox until the relay has it: if the relay is away, the daemon or the same command sends it later, once.'
  static override examples = ['<%= config.bin %> message send --to $AGENT --text "The file is on its way."']
  static override flags = {
    to: Flags.string({ summary: 'Who gets it.', helpValue: 'AGENT', required: true }),
    text: Flags.string({ summary: 'What to say.', helpValue: 'TEXT|@file|-', required: true }),
    ...keyFlag,
  }

  async run(): Promise<{ messageId: string } & Held> {
    const { flags } = await this.parse(MessageSend)
    const { readText } = await import('../../agent/argument.ts')
    const { sendMessage } = await import('../../agent/send-message.ts')
    const message = { to: flags.to, text: readText(flags.text), key: flags['idempotency-key'] }
    const agent = await this.openAgent(flags)
    return this.showSent(agent, await sendMessage(agent, message))
  }
}
