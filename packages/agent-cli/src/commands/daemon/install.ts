import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../../base-command.ts'
import type { ServiceReport } from '../../service/service.ts'
import { workerFlags } from '../../worker-flags.ts'

export default class DaemonInstall extends AgentCommand {
  static override summary = 'Have the daemon of this profile start with your session and stay.'
  static override description =
    'Writes a systemd user unit or a launchd agent with the flags given here, and starts it. Run again, it takes the new flags. On Linux a daemon of a user who is not logged in runs only after `loginctl enable-linger`.'
  static override examples = [
    '<%= config.bin %> daemon install --dry-run',
    '<%= config.bin %> daemon install --exec ./work.sh --capability text.extract --min-price 5',
  ]
  static override flags = { ...workerFlags, 'dry-run': Flags.boolean({ summary: 'Print what would be written.' }) }

  async run(): Promise<ServiceReport & { content?: string }> {
    const { flags } = await this.parse(DaemonInstall)
    const { flagWords, installDaemon } = await import('../../service/daemon-service.ts')
    const { usage } = await import('../../agent/cli-error.ts')
    const { parsePolicy } = await import('../../agent/parse-policy.ts')
    parsePolicy(flags)
    const { home, settings, options } = await this.place(flags)
    const { 'dry-run': isDryRun, server: _server, profile: _profile, json: _json, ...ofDaemon } = flags
    // What the settings say it reads itself; what this shell says it would not see.
    const proxy = options.relayProxy === settings.relayProxy ? undefined : options.relayProxy
    if (URL.parse(proxy ?? '')?.password)
      throw usage(
        'a service is not given the password of a relay proxy',
        'name a proxy that asks for none, or run the daemon yourself',
      )
    const words = flagWords({ ...ofDaemon, 'relay-proxy': proxy }, process.cwd())
    const report = await installDaemon({ ...options, home, root: this.config.root, flags: words, isDryRun })
    if (!isDryRun) return this.show(report)
    this.log(report.content)
    return report
  }
}
