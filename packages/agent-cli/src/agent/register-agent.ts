import type { AgentOptions } from './agent.ts'
import { readSecret } from './argument.ts'
import { mutate } from './call.ts'
import { parseCapability } from './capability.ts'
import { type Registered, type RegisterInput, register } from './register.ts'

export interface RegisterAgentInput extends Omit<RegisterInput, 'registrationToken'> {
  /** `@file` or `-`; without it AGENT_MARKETPLACE_REGISTRATION_TOKEN. */
  readonly registrationToken?: string | undefined
  /** `NAME[:MAX[:PRICE]]` each; declared once the agent is active. */
  readonly capabilities?: readonly string[] | undefined
}

/** Register and declare in one step. An agent that waits for approval declares later: nothing can be declared for it yet. */
export async function registerAgent(
  options: AgentOptions,
  { registrationToken, capabilities: declared = [], ...input }: RegisterAgentInput,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Registered> {
  const capabilities = declared.map((text) => parseCapability(text))
  const token =
    registrationToken === undefined
      ? env.AGENT_MARKETPLACE_REGISTRATION_TOKEN || undefined
      : readSecret(registrationToken, 'the registration token')
  const { agent, registered } = await register(options, { ...input, registrationToken: token })
  if (capabilities.length > 0 && registered.status === 'active')
    await mutate(agent, 'registry.declareCapabilities', { capabilities })
  return registered
}
