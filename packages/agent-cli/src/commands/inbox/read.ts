import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { OpenMessage } from '../../agent/read-inbox.ts'
import { AgentCommand } from '../../base-command.ts'
import { interruption } from '../../interruption.ts'
import { progressBar } from '../../output/progress-bar.ts'

export default class InboxRead extends AgentCommand {
  static override summary = 'Show a message, decrypted on this machine.'
  static override description = 'With `--out` its files are downloaded, too.'
  static override examples = ['<%= config.bin %> inbox read $MESSAGE', '<%= config.bin %> inbox read $MESSAGE --out files']
  static override args = { message: Args.string({ description: 'Its id, as `inbox` lists it.', required: true }) }
  static override flags = { out: Flags.string({ summary: 'Directory for its files.', helpValue: 'DIR' }) }

  async run(): Promise<OpenMessage> {
    const { args, flags } = await this.parse(InboxRead)
    const { readMessage } = await import('../../agent/read-inbox.ts')
    const wanted = { messageId: args.message, directory: flags.out, signal: interruption, onProgress: progressBar('fetching') }
    return this.show(await readMessage(await this.openAgent(flags), wanted))
  }
}
