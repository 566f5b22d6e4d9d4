import { randomUUID } from 'node:crypto'
import type { Scene } from '../scene.ts'
import { mutationBytes, Wire } from './wire.ts'

const TICK_MS = 1
/** Who waits this long for an answer is not waited for: the machine or the server is far behind. */
const BEHIND_MS = 20_000

/**
 * Make tasks, deposit and assign with money in turns, so many a second whatever is answered and when.
 *
 * @returns how long each took, in milliseconds.
 * @throws Error when one is refused.
 */
export async function moveMoney(
  { token, assign }: Scene,
  { origin, perSecond, seconds }: { origin: string; perSecond: number; seconds: number },
): Promise<number[]> {
  const calls = [
    () => ({ procedure: 'tasks.createTask', token, input: {} }),
    () => ({ procedure: 'settlement.deposit', token, input: { amount: '1' } }),
    () => ({ procedure: 'tasks.assign', ...assign() }),
  ]
  const wires: Wire[] = []
  const idle: Wire[] = []
  const open = (): Wire => {
    const wire = new Wire(origin)
    wires.push(wire)
    return wire
  }
  const total = perSecond * seconds
  const tookMs: number[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const startedAtMs = performance.now()
  let sent = 0

  const send = (): void => {
    const call = calls[sent++ % calls.length] as (typeof calls)[number]
    const { procedure, token: session, input } = call()
    // A new connection rather than one that still waits: what is measured is not the wait for a connection.
    const wire = idle.pop() ?? open()
    const request = mutationBytes(origin, procedure, session, input, `idempotency-key: ${randomUUID()}\r\n`)
    const sentAtMs = performance.now()
    wire.send(request, (answer) => {
      tookMs.push(performance.now() - sentAtMs)
      idle.push(wire)
      if (answer?.status !== 200) reject(new Error(`${procedure} was answered ${answer?.status} ${answer?.body}`))
      else if (tookMs.length === total) resolve()
    })
  }
  const timer = setInterval(() => {
    const wanted = Math.min(total, Math.floor(((performance.now() - startedAtMs) / 1_000) * perSecond))
    while (sent < wanted) send()
  }, TICK_MS)
  const late = setTimeout(() => reject(new Error('money waits too long')), seconds * 1_000 + BEHIND_MS)
  try {
    await promise
  } finally {
    clearInterval(timer)
    clearTimeout(late)
    for (const wire of wires) wire.close()
  }
  return tookMs
}
