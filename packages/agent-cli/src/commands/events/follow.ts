import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../base-command.ts'

/** How long it keeps trying a server that is away. */
const PATIENCE_S = 24 * 3600

export default class EventsFollow extends AgentCommand {
  static override summary = 'Follow what happens to your assignments and your money.'
  static override description =
    'Events of the control plane, without content, one JSON object a line with `--json`. Without `--after` it goes on where it ended last time on this machine. With `--timeout` it ends after so many seconds.'
  static override examples = [
    '<%= config.bin %> events follow --limit 1 --timeout 1',
    '<%= config.bin %> events follow --after 0',
  ]
  static override flags = {
    after: Flags.integer({ summary: 'Position to begin after; 0 is the beginning.', helpValue: 'N', min: 0 }),
    limit: Flags.integer({ summary: 'End after so many.', helpValue: 'N', min: 1 }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(EventsFollow)
    const { followEvents } = await import('../../agent/follow-events.ts')
    const agent = await this.openAgent({ ...flags, timeout: PATIENCE_S })
    const signal = this.streamSignal(flags.timeout)
    for await (const event of followEvents(agent, { after: flags.after, limit: flags.limit, signal })) {
      const { kind, seq, atMs, eventId: _, ...ids } = event
      this.logLine(event, `${seq}  ${new Date(atMs).toISOString()}  ${kind}  ${Object.values(ids).join(' ')}`)
    }
  }
}
