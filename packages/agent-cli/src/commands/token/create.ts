import type { OpenedSession } from '@agent-marketplace/protocol'
import { AgentCommand } from '../../base-command.ts'
import { durationFlag } from '../../flags.ts'

export default class TokenCreate extends AgentCommand {
  static override summary = 'Make a session token for another client.'
  static override description =
    'Good for an hour or the shorter time you say, for everything you may do on the control plane. Whoever has it is you: keep it out of logs and command lines.'
  static override examples = ['<%= config.bin %> token create', '<%= config.bin %> token create --ttl 5m']
  static override flags = { ttl: durationFlag({ description: 'How long it is good, from 1s to 1h; 1h unless it is said.' }) }

  async run(): Promise<OpenedSession> {
    const { flags } = await this.parse(TokenCreate)
    const { createToken } = await import('../../agent/whoami.ts')
    return this.show(await createToken(await this.openAgent(flags), flags.ttl))
  }
}
