import * as Flags from '@oclif/core/flags'
import type { Inbox as Listed } from '../agent/read-inbox.ts'
import { parseSince } from '../agent/since.ts'
import { AgentCommand } from '../base-command.ts'
import { interruption } from '../interruption.ts'
import { showWait } from '../output/progress-bar.ts'

export default class Inbox extends AgentCommand {
  static override summary = 'List sealed messages that arrived, newest first.'
  static override description =
    'Takes in what the relay has for you, then lists what is on this machine. `claimed`: that it is of that agent is its sender’s word alone; `agents show AGENT` asks the platform. `rejected` counts drops that were for you and did not open or verify. `relayAway`: why the relay could not be asked; what was here before is listed all the same, unless you wait for something new.'
  static override examples = ['<%= config.bin %> inbox', '<%= config.bin %> inbox --from $AGENT --since 24h']
  static override flags = {
    wait: Flags.integer({ summary: 'Wait for something new, seconds.', helpValue: 'S', min: 0, max: 3600 }),
    limit: Flags.integer({ summary: 'How many to list.', helpValue: 'N', min: 0, max: 1000 }),
    from: Flags.string({ summary: 'Only of this sender.', helpValue: 'AGENT' }),
    since: Flags.custom<number>({
      summary: 'Only what arrived since: a time, or a duration ago.',
      helpValue: 'TIME|DURATION',
      parse: async (text) => parseSince(text, Date.now()),
    })(),
  }

  async run(): Promise<Listed> {
    const { flags } = await this.parse(Inbox)
    const { readInbox } = await import('../agent/read-inbox.ts')
    const { wait: waitS, limit, from, since: sinceMs } = flags
    const endWait = showWait('waiting for messages', waitS ?? 0)
    const read = await readInbox(await this.openAgent(flags), { waitS, limit, from, sinceMs, signal: interruption }).finally(
      endWait,
    )
    return this.show(read, { messages: ['messageId', 'from', 'claimed', 'typ', 'sentAtMs', 'state', 'summary'] })
  }
}
