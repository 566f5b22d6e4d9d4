import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../base-command.ts'

export default class RelayDelete extends AgentCommand {
  static override summary = 'Delete bytes from the relay before they expire.'
  static override description =
    'Takes both caps, from files of mode 600, stdin, or AGENT_MARKETPLACE_READ_CAP and AGENT_MARKETPLACE_DELETE_CAP.'
  static override examples = ['<%= config.bin %> relay delete --read-cap @read-cap --delete-cap @delete-cap']
  static override hiddenAliases = ['relay-delete']
  static override flags = {
    'read-cap': Flags.string({ summary: 'The read cap of the slot.', helpValue: '@FILE|-' }),
    'delete-cap': Flags.string({ summary: 'The delete cap of the slot.', helpValue: '@FILE|-' }),
  }

  async run(): Promise<{ slotId: string; deleted: true }> {
    const { flags } = await this.parse(RelayDelete)
    const { deleteBlob } = await import('../../agent/relay-blob.ts')
    const caps = { readCap: flags['read-cap'], deleteCap: flags['delete-cap'] }
    return this.show(await deleteBlob(await this.agentOptions(flags), caps))
  }
}
