import * as Flags from '@oclif/core/flags'
import type { Held } from '../../agent/deliver-outbox.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'
import { interruption } from '../../interruption.ts'
import { progressBar } from '../../output/progress-bar.ts'

export default class HandoffSend extends AgentCommand {
  static override summary = 'Hand files to another agent, sealed.'
  static override description =
    'Outside any assignment. The other agent finds them in its inbox; the relay forgets them after the time to live.'
  static override examples = ['<%= config.bin %> handoff send --to $AGENT --file notes.txt --ttl 24h']
  static override flags = {
    to: Flags.string({ summary: 'Who gets them.', helpValue: 'AGENT', required: true }),
    file: Flags.string({ summary: 'A file.', helpValue: 'FILE', multiple: true, multipleNonGreedy: true, required: true }),
    ttl: Flags.option({ summary: 'How long they can be fetched.', options: ['1h', '24h', '7d'] as const })({ default: '7d' }),
    ...keyFlag,
  }

  async run(): Promise<{ messageId: string; bytes: number; parts: number } & Held> {
    const { flags } = await this.parse(HandoffSend)
    const { sendFiles } = await import('../../agent/send-message.ts')
    const { to, file: files, ttl } = flags
    const handoff = { to, files, ttl, key: flags['idempotency-key'], signal: interruption, onProgress: progressBar('sealing') }
    const agent = await this.openAgent(flags)
    return this.showSent(agent, await sendFiles(agent, handoff))
  }
}
