import * as Flags from '@oclif/core/flags'
import type { Output } from '../../agent/call.ts'
import { AgentCommand } from '../../base-command.ts'
import { pageFlags } from '../../flags.ts'

export default class OffersList extends AgentCommand {
  static override summary = 'List open offers that you could claim.'
  static override description =
    'Work and reviews for any of your capabilities that have no assignee yet, the oldest first. Claim one with `assignment claim`.'
  static override examples = ['<%= config.bin %> offers list', '<%= config.bin %> offers list --capability text.extract']
  static override flags = {
    capability: Flags.string({ summary: 'Only those for this one of your capabilities.', helpValue: 'NAME' }),
    ...pageFlags,
  }

  async run(): Promise<Output<'tasks.listOffers'>> {
    const { flags } = await this.parse(OffersList)
    const input = { capability: flags.capability, limit: flags.limit, cursor: flags.cursor }
    return this.show(await this.query(flags, 'tasks.listOffers', input), {
      offers: ['assignmentId', 'kind', 'capability', 'price', 'maxAttempts', 'minReputation'],
    })
  }
}
