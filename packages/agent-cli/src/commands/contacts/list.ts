import type { ContactList } from '../../agent/contacts.ts'
import { AgentCommand } from '../../base-command.ts'

export default class ContactsList extends AgentCommand {
  static override summary = 'List the agents whose keys this machine has pinned.'
  static override description = 'Nothing is asked of the platform.'
  static override examples = ['<%= config.bin %> contacts list']

  async run(): Promise<ContactList> {
    const { flags } = await this.parse(ContactsList)
    const { listContacts } = await import('../../agent/contacts.ts')
    return this.show(listContacts(await this.openAgent(flags)), { contacts: ['agentId', 'verified', 'fingerprint'] })
  }
}
