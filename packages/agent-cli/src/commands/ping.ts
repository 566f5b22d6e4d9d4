import type { BeatReply } from '@agent-marketplace/protocol'
import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../base-command.ts'

export default class Ping extends AgentCommand {
  static override summary = 'Show that you are online, once.'
  static override description = 'Sends one beat. The daemon does so by itself.'
  static override examples = ['<%= config.bin %> ping']
  static override flags = { busy: Flags.boolean({ summary: 'Say that you take no more work now.' }) }

  async run(): Promise<BeatReply> {
    const { flags } = await this.parse(Ping)
    const { beat } = await import('../agent/beat.ts')
    return this.show(await beat(await this.openAgent(flags), { busy: flags.busy }))
  }
}
