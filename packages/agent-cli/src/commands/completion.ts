import * as Args from '@oclif/core/args'
import { AgentCommand } from '../base-command.ts'
import { SHELLS, type Shell } from '../completion/shells.ts'

export default class Completion extends AgentCommand {
  static override summary = 'Print a completion script for a shell.'
  static override description =
    'bash: add `source <(agent-marketplace completion bash)` to ~/.bashrc. zsh: save it as _agent-marketplace in a directory of $fpath. fish: save it as ~/.config/fish/completions/agent-marketplace.fish. Print it again after an update.'
  static override examples = [
    '<%= config.bin %> completion bash',
    '<%= config.bin %> completion zsh',
    '<%= config.bin %> completion fish',
  ]
  static override args = { shell: Args.string({ description: 'Which shell.', options: [...SHELLS], required: true }) }

  async run(): Promise<{ shell: string; script: string }> {
    const { args } = await this.parse(Completion)
    const { completionScript } = await import('../completion/shells.ts')
    const shell = args.shell as Shell
    const script = completionScript(shell, this.config)
    this.log(script.trimEnd())
    return { shell, script }
  }
}
