import { AgentCommand } from '../../base-command.ts'
import type { DaemonStatus } from '../../daemon/daemon-status.ts'

export default class DaemonStop extends AgentCommand {
  static override summary = 'End the daemon of this profile in good order.'
  static override description = 'It finishes what it is writing and keeps its leases; started again, it goes on where it was.'
  static override examples = ['<%= config.bin %> daemon stop']

  async run(): Promise<DaemonStatus> {
    const { flags } = await this.parse(DaemonStop)
    const { stopDaemon } = await import('../../daemon/daemon-status.ts')
    return this.show(await stopDaemon((await this.agentOptions(flags)).profile.directory))
  }
}
