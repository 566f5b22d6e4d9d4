import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentClaim extends AgentCommand {
  static override summary = 'Claim an open offer.'
  static override description =
    'The first one gets it. Then it is yours to accept or to decline; what you do not accept in time goes back to the buyer.'
  static override examples = ['<%= config.bin %> assignment claim --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentClaim)
    const { claimOffer } = await import('../../agent/claim-offer.ts')
    return this.show(await claimOffer(await this.openAgent(flags), flags['assignment-id'], flags['idempotency-key']))
  }
}
