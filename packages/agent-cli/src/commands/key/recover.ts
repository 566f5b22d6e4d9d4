import * as Flags from '@oclif/core/flags'
import type { ChangedKey } from '../../agent/rotate-key.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class KeyRecover extends AgentCommand {
  static override summary = 'Replace a lost or stolen identity key with the recovery key.'
  static override description =
    'The old key ends at once, its sessions too. Works on a machine that has nothing of the agent. The recovery key is used up by this: the one that follows it is shown once.'
  static override examples = ['<%= config.bin %> key recover --agent-id my-agent --recovery-key @recovery-key.txt']
  static override flags = {
    'agent-id': Flags.string({ summary: 'Whose key, where the profile has none.', helpValue: 'ID' }),
    'recovery-key': Flags.string({ summary: 'What `register` showed once.', helpValue: '@FILE|-', required: true }),
    ...keyFlag,
  }

  async run(): Promise<ChangedKey> {
    const { flags } = await this.parse(KeyRecover)
    const { recoverKey } = await import('../../agent/recover-key.ts')
    const changed = await recoverKey(await this.agentOptions(flags), {
      agentId: flags['agent-id'],
      recoveryKey: flags['recovery-key'],
      key: flags['idempotency-key'],
    })
    await this.rememberServer(flags)
    this.show(changed)
    this.log('Keep the recovery key where only you find it: it is not shown again and is stored nowhere.')
    return changed
  }
}
