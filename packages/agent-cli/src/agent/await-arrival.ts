import { setTimeout } from 'node:timers/promises'
import type { Agent } from './agent.ts'
import { receiveDrops } from './receive-drops.ts'

/** How long something that has left its sender is waited for, and how often it is looked for: the feed moves once a second. */
const WAIT_MS = 10_000
const LOOK_EVERY_MS = 500

/**
 * Take in what arrives until something is there.
 *
 * @param find - What is looked for; `undefined` while it is not there.
 * @param options.hasLeft - Whether it must be on its way, so that it is worth waiting for. If not, one look is all.
 * @returns `undefined` if it did not come.
 */
export async function awaitArrival<T>(
  agent: Agent,
  find: () => T | undefined,
  { hasLeft, signal }: { hasLeft: boolean; signal?: AbortSignal | undefined },
): Promise<T | undefined> {
  const deadline = performance.now() + (hasLeft ? WAIT_MS : 0)
  for (;;) {
    await receiveDrops(agent, { signal })
    const found = find()
    if (found !== undefined || performance.now() >= deadline) return found
    await setTimeout(LOOK_EVERY_MS, undefined, { signal })
  }
}
