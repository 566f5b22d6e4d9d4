import * as Flags from '@oclif/core/flags'
import type { OrderReceipt } from '../../agent/send-order.ts'
import { AgentCommand } from '../../base-command.ts'
import { assignmentFlag } from '../../flags.ts'
import { interruption } from '../../interruption.ts'
import { progressBar } from '../../output/progress-bar.ts'

export default class OrderSend extends AgentCommand {
  static override summary = 'Send a sealed order to the executor of an assignment, and the brief to its reviewers.'
  static override description =
    'What is to be done, the input files and how the result is judged go from this machine to theirs, sealed; the platform sees none of it. Run it again without content to brief reviewers named since; with `--again` also for those who have lost theirs, such as an executor that recovered its key on an empty machine.'
  static override examples = [
    '<%= config.bin %> order send --assignment-id $ASSIGNMENT --instructions "Extract every e-mail address." --file mail.txt',
    '<%= config.bin %> order send --assignment-id $ASSIGNMENT --instructions @order.md --schema @emails.schema.json --rules @rules.json',
  ]
  static override flags = {
    ...assignmentFlag,
    instructions: Flags.string({ summary: 'What is to be done.', helpValue: 'TEXT|@file|-' }),
    file: Flags.string({ summary: 'An input file.', helpValue: 'FILE', multiple: true, multipleNonGreedy: true }),
    schema: Flags.string({ summary: 'JSON Schema (2020-12) the result must hold.', helpValue: '@file' }),
    rules: Flags.string({ summary: 'Rules the result must hold.', helpValue: '@file' }),
    tests: Flags.string({ summary: 'Directory of tests with an executable `run`.', helpValue: 'DIR' }),
    'deliver-to': Flags.string({ summary: 'One more agent that gets the work.', helpValue: 'AGENT' }),
    again: Flags.boolean({ summary: 'Send once more what was sent, to whoever has lost it.' }),
  }

  async run(): Promise<OrderReceipt> {
    const { flags } = await this.parse(OrderSend)
    const { readText } = await import('../../agent/argument.ts')
    const { readValidators } = await import('../../agent/read-validators.ts')
    const { sendOrder } = await import('../../agent/send-order.ts')
    const order = {
      assignmentId: flags['assignment-id'],
      instructions: flags.instructions === undefined ? undefined : readText(flags.instructions),
      files: flags.file,
      validators: await readValidators(flags),
      deliverTo: flags['deliver-to'],
      isAgain: flags.again,
      signal: interruption,
      onProgress: progressBar('sealing'),
    }
    const agent = await this.openAgent(flags)
    return this.showSent(agent, await sendOrder(agent, order))
  }
}
