import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../base-command.ts'
import { outputClosed, stopSignal } from '../interruption.ts'
import { workerFlags } from '../worker-flags.ts'

/** One try of a request, s: the daemon has a patience of its own. */
const TRY_S = 10

export default class Daemon extends AgentCommand {
  static override summary = 'Stay present, follow what arrives, and with --exec work.'
  static override description =
    `Beats, follows events and the relay, stores what arrives, renews leases and prekeys, sends what waits in the outbox, briefs late reviewers, releases the keys of work that passed, and judges reviews with the validators of their briefs. With --exec it accepts work and runs CMD for each order in a fresh directory: order.json and input/ are there, results are expected under output/. What the policy does not want is declined, see \`daemon policy\`. What a command prints is kept for a week, sealed: see \`daemon logs\`. One line for each event; SIGTERM ends it, and it goes on where it was.`
  static override examples = [
    '<%= config.bin %> daemon --once',
    '<%= config.bin %> daemon --exec ./work.sh --capability text.extract --min-price 5 --job-time 10m',
  ]
  static override flags = {
    ...workerFlags,
    once: Flags.boolean({ summary: 'Do what there is to do now, then end.' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Daemon)
    const { runDaemon } = await import('../daemon/daemon.ts')
    const { resolveCommand } = await import('../daemon/resolve-command.ts')
    const inPlace = (command: string | undefined) => command && resolveCommand(command, process.cwd())
    const { openAgent } = await import('../agent/agent.ts')
    const { parsePolicy } = await import('../agent/parse-policy.ts')
    const signal = AbortSignal.any([stopSignal(), outputClosed])
    const { onWait: _, ...options } = await this.agentOptions({ ...flags, timeout: flags.timeout ?? TRY_S })
    await runDaemon(openAgent({ ...options, signal }), {
      exec: inPlace(flags.exec),
      reviewExec: inPlace(flags['review-exec']),
      preflight: flags.preflight,
      capabilities: flags.capability,
      isBusy: flags.busy,
      intervalMs: flags.interval === undefined ? undefined : flags.interval * 1000,
      isOnce: flags.once,
      policy: parsePolicy(flags),
      signal,
      onEvent: ({ event, atMs, ...details }) =>
        this.logLine(
          { event, atMs, ...details },
          `${new Date(atMs).toISOString()}  ${event}  ${Object.values(details).flat().join(' ')}`,
        ),
    })
    // Whatever is still open was cut on purpose and is journaled.
    if (signal.aborted) process.exit(0)
  }
}
