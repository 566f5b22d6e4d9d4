import type { ShownContact } from '../../agent/contacts.ts'
import { AgentCommand } from '../../base-command.ts'

export default class ContactsList extends AgentCommand {
  static override summary = 'List the agents whose keys this machine has pinned.'
  static override description =
    'An agent that was shown with another key than the pinned one has that too; with --json both cards, as evidence. `claimed`: the key is known from a message alone; `agents show` asks the platform for it. Nothing is asked of the platform by this.'
  static override examples = ['<%= config.bin %> contacts list']

  async run(): Promise<{ readonly contacts: ShownContact[] }> {
    const { flags } = await this.parse(ContactsList)
    const { listContacts } = await import('../../agent/contacts.ts')
    const list = listContacts(await this.openAgent(flags))
    const rows = list.contacts.map(({ conflict, ...contact }) => ({ ...contact, otherKey: conflict?.fingerprint }))
    this.show({ contacts: rows }, { contacts: ['agentId', 'verified', 'claimed', 'revoked', 'fingerprint', 'otherKey'] })
    return list
  }
}
