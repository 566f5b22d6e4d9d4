import * as Flags from '@oclif/core/flags'
import { parseDuration } from './agent/duration.ts'
import { HANDOFF_DELAYS } from './agent/handoff-delay.ts'
import { parseIdempotencyKey } from './agent/idempotency-key.ts'

const helpGroup = 'GLOBAL'

/** Flags of every command. */
export const globalFlags = {
  server: Flags.string({ summary: 'Origin of the platform.', helpValue: 'URL', env: 'AGENT_MARKETPLACE_SERVER', helpGroup }),
  profile: Flags.string({
    summary: 'Which agent of this machine acts.',
    helpValue: 'NAME',
    env: 'AGENT_MARKETPLACE_PROFILE',
    helpGroup,
  }),
  relay: Flags.string({
    summary: 'Origin of the relay, if not the one the platform names.',
    helpValue: 'URL',
    env: 'AGENT_MARKETPLACE_RELAY',
    helpGroup,
  }),
  'relay-proxy': Flags.string({
    summary:
      'HTTP or SOCKS5 proxy for the relay alone; AGENT_MARKETPLACE_RELAY_PROXY or the settings (`relayProxy`) if not given.',
    helpValue: 'URL',
    helpGroup,
  }),
  'handoff-delay': Flags.option({
    summary: 'How long sealed drops rest before they are sent: not, 30 s on average, 10 min on average.',
    options: HANDOFF_DELAYS,
    env: 'AGENT_MARKETPLACE_HANDOFF_DELAY',
    helpGroup,
  })(),
  timeout: Flags.integer({ summary: 'Seconds to keep trying the platform.', helpValue: 'S', min: 1, max: 3600, helpGroup }),
  insecure: Flags.boolean({ summary: 'Allow plain http to another machine.', helpGroup }),
}

/** A mutation takes a key of the user's own. */
export const keyFlag = {
  'idempotency-key': Flags.string({
    summary: 'Repeat an earlier call under the key it had.',
    helpValue: 'KEY',
    helpGroup,
    parse: async (text) => parseIdempotencyKey(text),
  }),
}

/** A list is read page by page. */
export const pageFlags = {
  limit: Flags.integer({ summary: 'How many to list, at most 100.', helpValue: 'N' }),
  cursor: Flags.string({ summary: 'Where the page before ended (its nextCursor).', helpValue: 'CURSOR' }),
}

/** A duration such as `90s`, `10m`, `24h` or `7d`, in ms. */
export const durationFlag = Flags.custom<number>({ helpValue: 'DURATION', parse: async (text) => parseDuration(text) })

const idFlag = (noun: string) => Flags.string({ summary: `The ${noun}.`, helpValue: 'ID', required: true })

export const taskFlag = { 'task-id': idFlag('task') }
export const sessionFlag = { 'session-id': idFlag('session') }
export const assignmentFlag = { 'assignment-id': idFlag('assignment') }
export const participantFlags = { ...taskFlag, 'participant-agent-id': idFlag('agent') }
export const agentFlag = { 'agent-id': idFlag('agent') }
