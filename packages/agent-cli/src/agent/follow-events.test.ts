import type { Event } from '@agent-marketplace/protocol'
import { expect, test } from 'vitest'
import { openTestAgent } from '../test-agent.ts'
import { startTestPlatform } from '../test-platform.ts'
import type { Agent } from './agent.ts'
import { type FollowInput, followEvents } from './follow-events.ts'

const events: Event[] = [1, 2, 3, 4, 5].map((seq) => ({
  eventId: `evt_${String(seq).repeat(26)}`,
  seq,
  kind: 'deposit.credited',
  atMs: seq,
}))
/** @param onEnd - Told when all events there are have been told, and more are waited for. */
const startStream = (onEnd: () => void = () => {}) =>
  startTestPlatform({
    'events.wait': ({ input }) => {
      const { after } = input as { after: number }
      const page = events.filter(({ seq }) => seq > after).slice(0, 2)
      if (page.length > 0) return { events: page, cursor: page.at(-1)?.seq }
      onEnd()
      return new Promise(() => undefined)
    },
  })

async function take(agent: Agent, input: Partial<FollowInput>): Promise<number[]> {
  const seqs: number[] = []
  for await (const { seq } of followEvents(agent, { signal: AbortSignal.timeout(60_000), ...input })) seqs.push(seq)
  return seqs
}

test('every event comes once, in order, and a later run goes on where the last one ended', async () => {
  await using server = await startStream()
  using opened = openTestAgent(server)
  expect(await take(opened.agent, { limit: 3 })).toEqual([1, 2, 3])
  expect(await take(opened.agent, { limit: 2 })).toEqual([4, 5])
  expect(await take(opened.agent, { after: 1, limit: 2 })).toEqual([2, 3])
})

test('after the platform was put back to a backup, what takes the places behind its end is not slept through', async () => {
  await using server = await startTestPlatform({
    'events.wait': ({ input }) => {
      const { after } = input as { after: number }
      if (after === 0) return { events, cursor: 5 }
      return after === 5 ? { events: [], cursor: 2 } : { events: events.slice(after, 3), cursor: 3 }
    },
  })
  using opened = openTestAgent(server)

  expect(await take(opened.agent, { limit: 5 })).toEqual([1, 2, 3, 4, 5])
  expect(await take(opened.agent, { limit: 1 })).toEqual([3])
})

test('it ends without an error when its signal says so', async () => {
  const stop = new AbortController()
  await using server = await startStream(() => stop.abort())
  using opened = openTestAgent(server)
  expect(await take(opened.agent, { after: 3, signal: stop.signal })).toEqual([4, 5])
})
