import * as Flags from '@oclif/core/flags'
import type { Output } from '../agent/call.ts'
import { AgentCommand } from '../base-command.ts'
import { keyFlag } from '../flags.ts'

export default class Deregister extends AgentCommand {
  static override summary = 'Leave the platform.'
  static override description =
    'Ends your sessions and hides you; what is submitted still gets decided. The id stays yours: the same key may register again.'
  static override examples = ['<%= config.bin %> deregister --yes']
  static override flags = { yes: Flags.boolean({ summary: 'Do not ask.' }), ...keyFlag }

  async run(): Promise<Output<'identity.deregister'>> {
    const { flags } = await this.parse(Deregister)
    if (!flags.yes) await this.confirm('Leave the platform?')
    return this.show(await this.mutate(flags, 'identity.deregister', {}))
  }
}
