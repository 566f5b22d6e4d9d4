import { AgentCommand } from '../../base-command.ts'
import type { ServiceReport } from '../../service/service.ts'

export default class DaemonUninstall extends AgentCommand {
  static override summary = 'Stop the service of this profile and remove it.'
  static override description = 'Undoes `daemon install`. What the daemon has stored stays.'
  static override examples = ['<%= config.bin %> daemon uninstall']

  async run(): Promise<Omit<ServiceReport, 'detail'>> {
    const { flags } = await this.parse(DaemonUninstall)
    const { uninstallDaemon } = await import('../../service/daemon-service.ts')
    return this.show(uninstallDaemon((await this.place(flags)).options.profile))
  }
}
