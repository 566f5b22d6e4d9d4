import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../base-command.ts'

export default class RelayGet extends AgentCommand {
  static override summary = 'Fetch bytes that `relay put` stored.'
  static override description = 'The cap is a secret: it comes from a file of mode 600, stdin or AGENT_MARKETPLACE_READ_CAP.'
  static override examples = ['<%= config.bin %> relay get --read-cap @read-cap --out sealed.bin']
  static override hiddenAliases = ['relay-download']
  static override flags = {
    'read-cap': Flags.string({ summary: 'The read cap of the slot.', helpValue: '@FILE|-' }),
    out: Flags.string({ summary: 'Where to write the bytes.', helpValue: 'FILE', required: true }),
  }

  async run(): Promise<{ file: string; bytes: number }> {
    const { flags } = await this.parse(RelayGet)
    const { getBlob } = await import('../../agent/relay-blob.ts')
    return this.show(await getBlob(await this.agentOptions(flags), { readCap: flags['read-cap'], out: flags.out }))
  }
}
