import * as Flags from '@oclif/core/flags'
import type { AuditReport, PlaneReport } from '../../audit/privacy-audit.ts'
import { AgentCommand } from '../../base-command.ts'
import { interruption } from '../../interruption.ts'

const EXIT_FOUND = 5

export default class PrivacyAudit extends AgentCommand {
  static override summary = 'Do a marked job through the server and look for it in everything that was sent and stored.'
  static override description =
    'Registers three agents of its own on a home of its own, has them do a job in which every private field carries a mark, records every byte this process sends, and searches it for the marks, for keys and for hashes, in every form. With --data it searches what the server stored, too. Says what each side was told. Exits 0 only if nothing was found. Needs a server that lets newcomers in.'
  static override examples = ['<%= config.bin %> privacy audit', '<%= config.bin %> privacy audit --data $DATA --record sent']
  static override flags = {
    data: Flags.string({
      summary: 'A directory or file of the server to search: its data, its log.',
      helpValue: 'DIR',
      multiple: true,
      multipleNonGreedy: true,
    }),
    record: Flags.string({ summary: 'Write everything that was sent there, as it was sent.', helpValue: 'DIR' }),
    'registration-token': Flags.string({ summary: 'An invite with three uses, or the shared token.', helpValue: '@file|-' }),
  }

  async run(): Promise<AuditReport> {
    const { flags } = await this.parse(PrivacyAudit)
    const { auditPrivacy } = await import('../../audit/privacy-audit.ts')
    const { data, record, 'registration-token': registrationToken } = flags
    const report = await auditPrivacy(await this.agentOptions(flags), { data, record, registrationToken, signal: interruption })
    if (!report.ok) process.exitCode = EXIT_FOUND
    this.logPlane('platform', report.platform)
    this.logPlane('relay', report.relay)
    for (const { name, ok, detail } of report.checks) this.log(`${ok ? 'ok ' : 'BAD'}  ${name}: ${detail}`)
    for (const { what, form, where } of report.findings) this.log(`FOUND  ${what} (${form}), ${where}`)
    return report
  }

  private logPlane(name: string, { origin, connections, requests, bytes, told }: PlaneReport): void {
    this.log(`The ${name} at ${origin} was told, in ${requests} requests on ${connections} connections, ${bytes} bytes:`)
    for (const { call, times, fields, bodyBytes } of told) {
      const sizes = name === 'relay' && bodyBytes.some((size) => size > 0) ? `; ${bodyBytes.join(', ')} bytes` : ''
      this.log(`  ${call} ×${times}: ${fields.length === 0 ? 'nothing' : fields.join(', ')}${sizes}`)
    }
    this.log()
  }
}
