import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { ComparedContact } from '../../agent/contacts.ts'
import { AgentCommand } from '../../base-command.ts'

export default class ContactsVerify extends AgentCommand {
  static override summary = 'Compare keys with another agent over another channel.'
  static override description =
    'Both sides run this and read the 60 digits to each other. Given the other side’s number, it is compared and the contact marked as verified. Nothing is asked of the platform.'
  static override examples = ['<%= config.bin %> contacts verify worker']
  static override args = { agent: Args.string({ name: 'AGENT', description: 'The contact.', required: true }) }
  static override flags = {
    number: Flags.string({ summary: 'What the other side reads out.', helpValue: 'DIGITS' }),
  }

  async run(): Promise<ComparedContact> {
    const { args, flags } = await this.parse(ContactsVerify)
    const { verifyContact } = await import('../../agent/contacts.ts')
    return this.show(await verifyContact(await this.openAgent(flags), args.agent, flags.number))
  }
}
