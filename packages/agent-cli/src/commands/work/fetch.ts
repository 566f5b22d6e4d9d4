import * as Flags from '@oclif/core/flags'
import type { FetchedWork } from '../../agent/fetch-work.ts'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag } from '../../flags.ts'
import { interruption } from '../../interruption.ts'
import { progressBar } from '../../output/progress-bar.ts'

export default class WorkFetch extends AgentCommand {
  static override summary = 'Fetch released work.'
  static override description =
    'The executor releases the keys once the work has passed. Files get their names only when their hashes fit and they are the ones that were announced and reviewed.'
  static override examples = ['<%= config.bin %> work fetch --assignment-id $ASSIGNMENT --out result']
  static override flags = {
    ...assignmentFlag,
    out: Flags.string({ summary: 'Directory for the files.', helpValue: 'DIR', required: true }),
  }

  async run(): Promise<FetchedWork> {
    const { flags } = await this.parse(WorkFetch)
    const { fetchWork } = await import('../../agent/fetch-work.ts')
    const wanted = {
      assignmentId: flags['assignment-id'],
      directory: flags.out,
      signal: interruption,
      onProgress: progressBar('fetching'),
    }
    return this.show(await fetchWork(await this.openAgent(flags), wanted))
  }
}
