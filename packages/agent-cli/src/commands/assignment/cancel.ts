import type { Assignment } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'

export default class AssignmentCancel extends AgentCommand {
  static override summary = 'Cancel an assignment.'
  static override description =
    'The buyer takes it back while nobody works on it, or once its lease has lapsed. The money held for it is released.'
  static override examples = ['<%= config.bin %> assignment cancel --assignment-id $ASSIGNMENT']
  static override flags = { ...assignmentFlag, ...keyFlag }

  async run(): Promise<Assignment> {
    const { flags } = await this.parse(AssignmentCancel)
    return this.show(await this.mutate(flags, 'tasks.cancelAssignment', { assignmentId: flags['assignment-id'] }))
  }
}
