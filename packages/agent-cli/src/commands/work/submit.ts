import * as Flags from '@oclif/core/flags'
import type { WorkReceipt } from '../../agent/submit-work.ts'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag, keyFlag } from '../../flags.ts'
import { interruption } from '../../interruption.ts'
import { progressBar } from '../../output/progress-bar.ts'

export default class WorkSubmit extends AgentCommand {
  static override summary = 'Hand over the work of an assignment and say that it is complete.'
  static override description =
    'Runs the validators of the order over the files, here, as reviewers will; seals and uploads the files, tells reviewers (with keys) and the buyer (without), and only then the platform. Run again after an interruption, or once the work has passed, it finishes what is left to do.'
  static override examples = ['<%= config.bin %> work submit --assignment-id $ASSIGNMENT --file result.json']
  static override flags = {
    ...assignmentFlag,
    file: Flags.string({ summary: 'A result file.', helpValue: 'FILE', multiple: true, multipleNonGreedy: true, required: true }),
    unchecked: Flags.boolean({ summary: 'Hand it in although it does not pass the validators of its order.' }),
    ...keyFlag,
  }

  async run(): Promise<WorkReceipt> {
    const { flags } = await this.parse(WorkSubmit)
    const { submitWork } = await import('../../agent/submit-work.ts')
    const work = {
      assignmentId: flags['assignment-id'],
      files: flags.file,
      isChecked: !flags.unchecked,
      key: flags['idempotency-key'],
      signal: interruption,
      onProgress: progressBar('sealing'),
    }
    const agent = await this.openAgent(flags)
    return this.showSent(agent, await submitWork(agent, work))
  }
}
