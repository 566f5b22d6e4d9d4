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
    const { parsePolicy } = await import('../../agent/parse-policy.ts')
    parsePolicy(flags)
    const { home, options } = await this.place(flags)
    const { 'dry-run': isDryRun, ...rest } = flags
    const ofDaemon = Object.keys({ ...workerFlags, relay: 0, 'relay-proxy': 0, timeout: 0, insecure: 0 })
    const words = flagWords(Object.fromEntries(Object.entries(rest).filter(([name]) => ofDaemon.includes(name))), process.cwd())
    const report = await installDaemon({ ...options, home, root: this.config.root, flags: words, isDryRun })
    if (!isDryRun) return this.show(report)
    this.log(report.content)
    return report
  }
}
