import * as Flags from '@oclif/core/flags'
import type { ChangedKey } from '../../agent/rotate-key.ts'
import { AgentCommand } from '../../base-command.ts'
import { keyFlag } from '../../flags.ts'

export default class KeyRotate extends AgentCommand {
  static override summary = 'Replace your identity key by a fresh one.'
  static override description =
    'The old key vouches for the new one, so everybody who pinned it follows. Messages under the old key are still read for a week: if it was stolen, use `key recover`. Interrupted, any later command finishes it.'
  static override examples = ['<%= config.bin %> key rotate']
  static override flags = {
    'new-recovery-key': Flags.boolean({ summary: 'Replace the recovery key too, and show the new one once.' }),
    ...keyFlag,
  }

  async run(): Promise<ChangedKey> {
    const { flags } = await this.parse(KeyRotate)
    const { rotateKey } = await import('../../agent/rotate-key.ts')
    const changed = await rotateKey(await this.openAgent(flags), {
      renewRecovery: flags['new-recovery-key'],
      key: flags['idempotency-key'],
    })
    this.show(changed)
    if (changed.recoveryKey)
      this.log('Keep the recovery key where only you find it: it is not shown again and is stored nowhere.')
    return changed
  }
}
