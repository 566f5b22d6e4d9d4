import * as Flags from '@oclif/core/flags'
import type { StoredBlob } from '../../agent/relay-blob.ts'
import { AgentCommand } from '../../base-command.ts'

export default class RelayPut extends AgentCommand {
  static override summary = 'Store bytes on the relay, for another tool.'
  static override description =
    'Up to 4 MiB, padded to the next size class. The relay is told nothing about you, but it can read these bytes: seal what is private before, or use `handoff send`. Keep both caps: who has the first may read, who has both may delete.'
  static override examples = [
    '<%= config.bin %> relay put --file sealed.bin',
    '<%= config.bin %> relay put --file sealed.bin --ttl 7d --json',
  ]
  static override hiddenAliases = ['relay-create', 'relay-upload']
  static override flags = {
    file: Flags.string({ summary: 'What to store; - for stdin.', helpValue: 'FILE|-', required: true }),
    ttl: Flags.option({ summary: 'How long the relay keeps it.', options: ['1h', '24h', '7d'] as const })({ default: '24h' }),
  }

  async run(): Promise<StoredBlob> {
    const { flags } = await this.parse(RelayPut)
    const { putBlob } = await import('../../agent/relay-blob.ts')
    return this.show(await putBlob(await this.agentOptions(flags), { file: flags.file, ttl: flags.ttl }))
  }
}
