import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import type { CheckedFile } from '../agent/verify-file.ts'
import { AgentCommand } from '../base-command.ts'

/** What is shown is refused, as by the platform. */
const EXIT_NOT_VALID = 5

export default class Verify extends AgentCommand {
  static override summary = 'Check the signature of verdicts or of a card, offline.'
  static override description =
    'Takes what `review list --json` or `agents show --json` printed. The key is that of --card, or the one pinned on this machine. Exit 0 only if all is valid. Nothing is asked of the platform.'
  static override examples = [
    '<%= config.bin %> verify verdicts.json',
    '<%= config.bin %> verify verdicts.json --card reviewer.json',
  ]
  static override args = { file: Args.string({ name: 'FILE', description: 'JSON with verdicts or a card.', required: true }) }
  static override flags = {
    card: Flags.string({ summary: 'Card of the signer, where its key is not pinned here.', helpValue: 'FILE' }),
  }

  async run(): Promise<CheckedFile> {
    const { args, flags } = await this.parse(Verify)
    const { verifyHere } = await import('../agent/verify-here.ts')
    const { options } = await this.place(flags)
    const checked = verifyHere(options, { path: args.file, cardPath: flags.card })
    if (!checked.valid) process.exitCode = EXIT_NOT_VALID
    return this.show(checked, { results: ['valid', 'signer', 'basis', 'fingerprint'] })
  }
}
