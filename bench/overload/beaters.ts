// Agents that beat, in a process of their own: they must not hold up who measures beside them.
// Tells on a line what became of their beats when its input ends.
import { readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { mutationBytes, Wire } from './wire.ts'

const TICK_MS = 10
const LOWEST_PRIORITY = 19
/** What an agent waits that got no answer at all, as the daemon does: a random time below this. */
const UNANSWERED_MS = 5_000

/** How beats come. */
export interface Beaters {
  readonly origin: string
  readonly tokensFile: string
  readonly connections: number
  /** `as told`: the agents all come back at this rate, and then beat when the server says so. `at will`: beats come at this rate, whatever is answered. */
  readonly manner: 'as told' | 'at will'
  readonly perSecond: number
}

/** What became of the beats. */
export interface Beaten {
  readonly seconds: number
  readonly due: number
  readonly letIn: number
  readonly turnedAway: number
  readonly hungUp: number
  /** Beats that were due when all connections still waited for an answer, at the end. */
  readonly waiting: number
}

setPriority(LOWEST_PRIORITY)
const { origin, tokensFile, connections, manner, perSecond } = JSON.parse(process.argv[2] ?? '{}') as Beaters
const requests = readFileSync(tokensFile, 'utf8')
  .split('\n')
  .map((token) => mutationBytes(origin, 'heartbeat.beat', token, { busy: false }))
const idle = Array.from({ length: connections }, () => new Wire(origin))
const startedAtMs = performance.now()
const count = { due: 0, letIn: 0, turnedAway: 0, hungUp: 0 }
/** Who beats at which tick. */
const calendar = new Map<number, number[]>()
/** Whose beat is due, from `next` on. */
let due: number[] = []
let next = 0

function plan(agent: number, afterMs: number): void {
  const tick = Math.ceil((performance.now() - startedAtMs + afterMs) / TICK_MS)
  const agents = calendar.get(tick)
  if (agents) agents.push(agent)
  else calendar.set(tick, [agent])
}

function sendDue(): void {
  while (next < due.length && idle.length > 0) {
    const wire = idle.pop() as Wire
    const agent = due[next++] as number
    wire.send(requests[agent] as string, (answer) => {
      idle.push(wire)
      if (answer?.status === 200) count.letIn++
      else if (answer) count.turnedAway++
      else count.hungUp++
      if (manner === 'as told') plan(agent, answer ? waitOf(answer.body) : Math.random() * UNANSWERED_MS)
      sendDue()
    })
  }
}

function waitOf(body: string): number {
  const [, ms] = /"(?:nextBeatMs|retryAfterMs)":(\d+)/.exec(body) ?? []
  return Number(ms ?? UNANSWERED_MS)
}

let ticked = 0
let sent = 0
setInterval(() => {
  const elapsedMs = performance.now() - startedAtMs
  if (next > 10_000) {
    due = due.slice(next)
    next = 0
  }
  const wanted = Math.floor((elapsedMs / 1_000) * perSecond)
  for (; sent < wanted && (manner === 'at will' || sent < requests.length); sent++) add(sent % requests.length)
  for (; ticked * TICK_MS <= elapsedMs; ticked++) {
    for (const agent of calendar.get(ticked) ?? []) add(agent)
    calendar.delete(ticked)
  }
  sendDue()
}, TICK_MS)

function add(agent: number): void {
  count.due++
  // Whoever does not wait for answers still has one beat to send, not one for each it could not.
  if (manner === 'as told' || due.length - next < connections) due.push(agent)
}

let countedFromMs = startedAtMs
process.stdin.on('data', () => {
  countedFromMs = performance.now()
  Object.assign(count, { due: 0, letIn: 0, turnedAway: 0, hungUp: 0 })
})
process.stdin.once('end', () => {
  const seconds = (performance.now() - countedFromMs) / 1_000
  const beaten: Beaten = { seconds, ...count, waiting: due.length - next }
  process.stdout.write(`${JSON.stringify(beaten)}\n`, () => process.exit(0))
})
