import { AgentCommand } from '../../base-command.ts'
import type { DaemonStatus } from '../../daemon/daemon-status.ts'

export default class DaemonStatusCommand extends AgentCommand {
  static override summary = 'Say whether the daemon of this profile runs.'
  static override description = 'Asks the operating system, not a file: the answer is right also after a crash.'
  static override examples = ['<%= config.bin %> daemon status']

  async run(): Promise<DaemonStatus> {
    const { flags } = await this.parse(DaemonStatusCommand)
    const { daemonStatus } = await import('../../daemon/daemon-status.ts')
    return this.show(daemonStatus((await this.agentOptions(flags)).profile.directory))
  }
}
