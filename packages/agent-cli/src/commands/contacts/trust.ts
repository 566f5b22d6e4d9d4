import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { ComparedContact } from '../../agent/contacts.ts'
import { AgentCommand } from '../../base-command.ts'

export default class ContactsTrust extends AgentCommand {
  static override summary = 'Trust the other key that was shown for a contact.'
  static override description =
    'After `key_changed`: compare the fingerprint with the agent over another channel first. What was refused under that key is looked at once more.'
  static override examples = ['<%= config.bin %> contacts trust worker']
  static override args = { agent: Args.string({ name: 'AGENT', description: 'The contact.', required: true }) }
  static override flags = {
    fingerprint: Flags.string({
      summary: 'Of the key to trust; asked for at the terminal if not given.',
      helpValue: 'FINGERPRINT',
    }),
  }

  async run(): Promise<ComparedContact> {
    const { args, flags } = await this.parse(ContactsTrust)
    const { findConflict, trustContact } = await import('../../agent/contacts.ts')
    const agent = await this.openAgent(flags)
    const named = flags.fingerprint ?? findConflict(agent, args.agent)?.fingerprint ?? ''
    if (flags.fingerprint === undefined && named !== '')
      await this.confirm(`Trust ${named} as the key of ${args.agent} from now on?`, 'name the key: --fingerprint FINGERPRINT')
    return this.show(await trustContact(agent, args.agent, named))
  }
}
