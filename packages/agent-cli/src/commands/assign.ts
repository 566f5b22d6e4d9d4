import * as Flags from '@oclif/core/flags'
import type { Assigned } from '../agent/assign.ts'
import { AgentCommand } from '../base-command.ts'
import { durationFlag, keyFlag, taskFlag } from '../flags.ts'

export default class Assign extends AgentCommand {
  static override summary = 'Give an agent a duty in a task, or offer it to all.'
  static override description =
    'With a price the money is set aside in the same step. A review names the assignment it reviews. Without an assignee it is an open offer: the first agent with the capability that claims it gets it. Durations are written 90s, 10m, 24h or 7d.'
  static override examples = [
    '<%= config.bin %> assign --task-id $TASK --assignee-agent-id worker --kind execute --price 5',
    '<%= config.bin %> assign --task-id $TASK --assignee-agent-id reviewer --kind review --target-assignment-id $ASSIGNMENT --price 1',
    '<%= config.bin %> assign --task-id $TASK --kind execute --capability text.extract --min-reputation 9000 --price 5',
  ]
  static override flags = {
    ...taskFlag,
    'assignee-agent-id': Flags.string({ summary: 'Who shall do it; nobody for an open offer.', helpValue: 'ID' }),
    kind: Flags.option({ summary: 'Do the work, or review it.', options: ['execute', 'review'] as const })({ required: true }),
    'target-assignment-id': Flags.string({ summary: 'What a review reviews.', helpValue: 'ID' }),
    'session-id': Flags.string({ summary: 'The session it belongs to; a new one if not given.', helpValue: 'ID' }),
    capability: Flags.string({ summary: 'What the assignee must offer.', helpValue: 'NAME' }),
    'min-reputation': Flags.integer({ summary: 'Of an open offer: share of their work that passed, 0–10000.', helpValue: 'BPS' }),
    price: Flags.string({ summary: 'Credits for it.', helpValue: 'CREDITS' }),
    fund: Flags.boolean({ summary: 'Set the price aside now.', default: true, allowNo: true }),
    'max-attempts': Flags.integer({ summary: 'How often the work may be handed in.', helpValue: 'N' }),
    'accept-within': durationFlag({ summary: 'Time to accept it (1h).' }),
    lease: durationFlag({ summary: 'Time between signs of life while working (10m).' }),
    'review-within': durationFlag({ summary: 'Time for the verdicts after submission (24h).' }),
    ...keyFlag,
  }

  async run(): Promise<Assigned> {
    const { flags } = await this.parse(Assign)
    const { assign } = await import('../agent/assign.ts')
    const input = {
      taskId: flags['task-id'],
      sessionId: flags['session-id'],
      assigneeAgentId: flags['assignee-agent-id'],
      kind: flags.kind,
      targetAssignmentId: flags['target-assignment-id'],
      capability: flags.capability,
      minReputation: flags['min-reputation'],
      price: flags.price,
      fund: flags.fund,
      maxAttempts: flags['max-attempts'],
      acceptWithinMs: flags['accept-within'],
      leaseMs: flags.lease,
      reviewWithinMs: flags['review-within'],
    }
    return this.show(await assign(await this.openAgent(flags), input, flags['idempotency-key']))
  }
}
