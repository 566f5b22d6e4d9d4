import type { Diagnosis } from '../agent/diagnose.ts'
import { AgentCommand } from '../base-command.ts'

/** Somebody waits for the answer. */
const DOCTOR_TIMEOUT_S = 5
const EXIT_NOT_IN_ORDER = 5

export default class Doctor extends AgentCommand {
  static override summary = 'Check that everything is in order.'
  static override description =
    'Home, permissions, policy, disk, daemon, server, clock, identity, prekey, relay and its tokens: each as it is, and what mends it where it is not. Exits 0 only if all hold, else 5.'
  static override examples = ['<%= config.bin %> doctor']

  async run(): Promise<Diagnosis> {
    const { flags } = await this.parse(Doctor)
    const { diagnose } = await import('../agent/diagnose.ts')
    const diagnosis = await diagnose(await this.agentOptions({ ...flags, timeout: flags.timeout ?? DOCTOR_TIMEOUT_S }))
    if (!diagnosis.checks.every(({ ok }) => ok)) process.exitCode = EXIT_NOT_IN_ORDER
    for (const { name, ok, detail } of diagnosis.checks) this.log(`${ok ? 'ok ' : 'BAD'}  ${name}: ${detail}`)
    return diagnosis
  }
}
