import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { Restored } from '../../agent/back-up-key.ts'
import { AgentCommand } from '../../base-command.ts'

export default class KeyRestore extends AgentCommand {
  static override summary = 'Put the identity of a backup into a profile that has none.'
  static override description =
    'Nothing is ever overwritten. A fresh prekey is published; what was sealed to a prekey made after the backup cannot be opened. Run one machine per identity.'
  static override examples = ['<%= config.bin %> key restore my-agent.age --passphrase @passphrase.txt']
  static override args = { file: Args.string({ name: 'FILE', description: 'What `key backup` wrote.', required: true }) }
  static override flags = {
    passphrase: Flags.string({ summary: 'Asked for at the terminal if not given.', helpValue: '@FILE|-' }),
  }

  async run(): Promise<Restored> {
    const { args, flags } = await this.parse(KeyRestore)
    const options = await this.agentOptions(flags)
    const passphrase = await this.secret(flags.passphrase, { what: 'Passphrase' })
    const { restoreKey } = await import('../../agent/back-up-key.ts')
    const restored = await restoreKey(options, { path: args.file, passphrase })
    await this.rememberServer(flags)
    return this.show(restored)
  }
}
