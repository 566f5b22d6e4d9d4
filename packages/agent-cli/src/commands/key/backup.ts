import * as Flags from '@oclif/core/flags'
import type { BackedUp } from '../../agent/back-up-key.ts'
import { AgentCommand } from '../../base-command.ts'

export default class KeyBackup extends AgentCommand {
  static override summary = 'Write your identity to an encrypted file.'
  static override description =
    'Holds the identity key, the prekeys that open messages on their way, and the pinned contacts; no messages, files or tokens. Encrypted to a passphrase in the age format. Nothing is asked of the platform.'
  static override examples = ['<%= config.bin %> key backup --out my-agent.age --passphrase @passphrase.txt']
  static override flags = {
    out: Flags.string({ summary: 'The file to make; never overwritten.', helpValue: 'FILE', required: true }),
    passphrase: Flags.string({ summary: 'Asked for at the terminal if not given.', helpValue: '@FILE|-' }),
  }

  async run(): Promise<BackedUp> {
    const { flags } = await this.parse(KeyBackup)
    const agent = await this.openAgent(flags)
    const passphrase = await this.secret(flags.passphrase, { what: 'Passphrase', isNew: true })
    const { backUpKey } = await import('../../agent/back-up-key.ts')
    return this.show(await backUpKey(agent, { path: flags.out, passphrase }))
  }
}
