import type { ChainEvent } from '../agent/run-chain.ts'

/** An event of a chain in words, such as `extract: hired executor (asg_…)`. */
export function chainLine(event: ChainEvent): string {
  return event.step === undefined ? chainWords(event) : `${event.step}: ${chainWords(event)}`
}

/** The same without its step. */
export function chainWords({ event, chainId, ...details }: ChainEvent): string {
  const { agentId, assignmentId, reason, because, outcome, cost, state, attempt, message, files, output, sentTo, agents } =
    details
  const said: Record<ChainEvent['event'], string> = {
    started: `running ${chainId}`,
    searching: 'looking for agents',
    chosen: `asking ${listed(agents)}`,
    hired: `hired ${agentId} (${assignmentId})`,
    'reviewer-hired': `hired ${agentId} to review`,
    'reviewer-replaced': `without a verdict: ${listed(agents)}`,
    ordered: `sent to ${listed(sentTo)}`,
    progress: `${agentId}: ${state}, attempt ${attempt}`,
    ended: `${agentId ?? 'nobody'}: ${outcome}${reason === undefined ? '' : ` (${reason})`}${cost === undefined ? '' : `, cost ${cost}`}`,
    fetched: `fetched ${listed(files)}`,
    passed: `passed: ${listed(output)}`,
    failed: `failed: ${reason}`,
    skipped: `skipped: it needs "${because}"`,
    waiting: `waiting: ${reason}`,
    warning: `${message}; trying again`,
    finished: `the chain is ${state}`,
  }
  return said[event]
}

function listed(value: ChainEvent[string]): string {
  return Array.isArray(value) ? value.join(', ') : String(value)
}
