import type { Assignment } from '@agent-marketplace/protocol'

export const AGENTS = ['ann', 'ben', 'cem', 'dan', 'ops'] as const

/** What a history has come upon so far, to be called for again. */
export interface Known {
  readonly assignments: Map<string, Assignment>
  /** Tasks and who made them. */
  readonly owners: Map<string, string>
  readonly ids: Map<string, Set<string>>
}

export const nothingKnown = (): Known => ({ assignments: new Map(), owners: new Map(), ids: new Map() })

/** Note everything in a reply that can be named later. @param by - Who got it. */
export function learn(known: Known, reply: unknown, by: string): void {
  if (typeof reply !== 'object' || reply === null) return
  const fields = reply as Record<string, unknown>
  if (typeof fields.leaseEpoch === 'number' && typeof fields.assignmentId === 'string')
    known.assignments.set(fields.assignmentId, fields as Assignment)
  const isReceipt = typeof fields.taskId === 'string' && Object.keys(fields).length === 1
  if (isReceipt) known.owners.set(String(fields.taskId), by)
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== 'string') learn(known, value, by)
    else if (/Id$|Cursor$/.test(name)) known.ids.set(name, (known.ids.get(name) ?? new Set()).add(value))
  }
}

/** Draws one of a history's numbers after the other. */
export type Draw = <T>(choices: readonly T[]) => T

export const MISSING = '0'.repeat(26)
const some = (draw: Draw, known: Known, field: string, prefix: string) => {
  const ids = [...(known.ids.get(field) ?? [])]
  return draw([...ids, ...ids, ...ids, ...ids, `${prefix}_${MISSING}`])
}
const agent = (draw: Draw) => draw([...AGENTS, ...AGENTS, 'nobody'])
const maybe = <T>(draw: Draw, ...choices: T[]) => draw([undefined, ...choices])
const assignmentId = (draw: Draw, known: Known) => some(draw, known, 'assignmentId', 'asg')
const PRICES = ['0.000001', '1', '2.5', '1', '0.5', '5000']
const CLOCKS_MS = [1_000, 60_000]

/** How to fill a field. A field that is not here fails the test: say what it may be. */
const FIELDS: Record<string, (draw: Draw, known: Known) => unknown> = {
  taskId: (draw, known) => some(draw, known, 'taskId', 'task'),
  sessionId: (draw, known) => draw([undefined, undefined, undefined, some(draw, known, 'sessionId', 'ses')]),
  holdId: (draw, known) => some(draw, known, 'holdId', 'hold'),
  assignmentId,
  targetAssignmentId: assignmentId,
  agentId: (draw) => draw([undefined, agent(draw)]),
  assigneeAgentId: (draw) => draw([undefined, ...AGENTS, ...AGENTS, 'nobody']),
  participantAgentId: agent,
  cursor: (draw, known) =>
    draw([undefined, undefined, undefined, ...[...(known.ids.get('nextCursor') ?? [])].slice(-2), 'WyJhIl0']),
  kind: (draw) => draw(['execute', 'execute', 'review']),
  capability: (draw) => draw(['work', 'work', 'work', 'nothing']),
  price: (draw) => maybe(draw, ...PRICES),
  amount: (draw) => draw([...PRICES, '1000000000']),
  maxPrice: (draw) => maybe(draw, ...PRICES),
  fund: (draw) => draw([true, true, false]),
  minReputation: (draw) => maybe(draw, undefined, undefined, 0, 5_000),
  maxAttempts: (draw) => maybe(draw, 1, 2, 3),
  acceptWithinMs: (draw) => maybe(draw, ...CLOCKS_MS),
  leaseMs: (draw) => maybe(draw, ...CLOCKS_MS),
  reviewWithinMs: (draw) => maybe(draw, ...CLOCKS_MS),
  leaseEpoch: (draw) => draw([1, 1, 1, 0, 2]),
  limit: (draw) => draw([undefined, 1, 2, 100]),
  role: (draw) => maybe(draw, 'assignee', 'buyer'),
  state: (draw) => maybe(draw, 'assigned', 'working', 'passed'),
  includeBusy: (draw) => draw([true, false]),
  aliveOnly: (draw) => draw([true, false]),
  includeDeregistered: (draw) => draw([true, false]),
  reviewRule: (draw) => maybe(draw, 'unanimous', 'majority'),
  buyerMayReview: (draw) => maybe(draw, true),
  capabilities: (draw) => [
    { name: draw(['work', 'other', 'work/2']), maxConcurrency: draw([1, 3]), price: maybe(draw, ...PRICES) },
  ],
  busy: (draw) => draw([true, false]),
  intervalMs: (draw) => maybe(draw, 60_000),
  after: (draw) => draw([undefined, 1, 5, 1_000]),
  afterSeq: (draw) => draw([undefined, 1]),
  inviteId: (draw, known) => some(draw, known, 'inviteId', 'inv'),
  eventsAfter: (draw) => draw([undefined, 1, 5]),
  timeoutMs: () => 0,
  trustTier: (draw) => draw([1, 2, 3]),
}

/** @returns something for this field, `undefined` where it is left out. @throws Error for a field nobody has said yet what it may be. */
export function fill(field: string, draw: Draw, known: Known): unknown {
  const make = FIELDS[field]
  if (!make) throw new Error(`no way to fill the field ${field}: add it to FIELDS`)
  return make(draw, known)
}
