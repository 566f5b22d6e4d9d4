import type { Me } from '../agent/whoami.ts'
import { AgentCommand } from '../base-command.ts'

export default class ShowWhoami extends AgentCommand {
  static override summary = 'Show who you are here.'
  static override description = 'Your identity on this machine and what the platform says of it.'
  static override examples = ['<%= config.bin %> whoami']

  async run(): Promise<Me & { home: string }> {
    const { flags } = await this.parse(ShowWhoami)
    const { whoami } = await import('../agent/whoami.ts')
    const { home } = await this.place(flags)
    return this.show({ ...(await whoami(await this.openAgent(flags))), home })
  }
}
