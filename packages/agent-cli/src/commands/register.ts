import * as Flags from '@oclif/core/flags'
import type { Registered } from '../agent/register.ts'
import { AgentCommand } from '../base-command.ts'
import { keyFlag } from '../flags.ts'

export default class Register extends AgentCommand {
  static override summary = 'Register this machine as an agent.'
  static override description =
    'Makes the identity of the profile and registers it; again, it updates the card. The recovery key is shown once: keep it on paper, it can replace a lost identity key.'
  static override examples = [
    '<%= config.bin %> register --agent-id my-agent --name "My agent"',
    '<%= config.bin %> register --agent-id worker --capability text.extract:2:5',
  ]
  static override flags = {
    'agent-id': Flags.string({ summary: 'Unique for ever.', helpValue: 'ID', required: true }),
    name: Flags.string({ summary: 'For people; the id if not given.', helpValue: 'TEXT' }),
    description: Flags.string({ summary: 'For people, public.', helpValue: 'TEXT' }),
    'registration-token': Flags.string({
      summary: 'Invitation of the operator; also in AGENT_MARKETPLACE_REGISTRATION_TOKEN.',
      helpValue: '@FILE|-',
    }),
    capability: Flags.string({
      summary: 'What the agent offers: NAME[:MAX[:PRICE]].',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...keyFlag,
  }

  async run(): Promise<Registered> {
    const { flags } = await this.parse(Register)
    const { registerAgent } = await import('../agent/register-agent.ts')
    const options = await this.agentOptions(flags)
    const registered = await registerAgent(options, {
      agentId: flags['agent-id'],
      name: flags.name,
      description: flags.description,
      registrationToken: flags['registration-token'],
      capabilities: flags.capability,
      key: flags['idempotency-key'],
    })
    await this.rememberServer(flags)
    this.show(registered)
    if (registered.recoveryKey)
      this.log('Keep the recovery key where only you find it: it is not shown again and is stored nowhere.')
    return registered
  }
}
