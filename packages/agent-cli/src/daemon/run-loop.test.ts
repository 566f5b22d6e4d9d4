import { expect, test } from 'vitest'
import { CliError } from '../agent/cli-error.ts'
import type { Daemon } from './daemon-context.ts'
import { createRecovery } from './recovery.ts'
import { runLoop } from './run-loop.ts'

function fakeDaemon() {
  const controller = new AbortController()
  const events: unknown[] = []
  const emit: Daemon['emit'] = (event, details) => void events.push([event, details])
  return {
    events,
    stop: () => controller.abort(),
    daemon: { emit, signal: controller.signal, recovery: createRecovery() } as Daemon,
  }
}

test('a row of failures is told once, and so is its end', async () => {
  const { daemon, events, stop } = fakeDaemon()
  let turns = 0
  await runLoop(daemon, 'test', async () => {
    turns++
    if (turns <= 3) throw new CliError('unreachable', 'away')
    if (turns === 6) stop()
    return 0
  })
  expect(events).toEqual([
    ['warning', { loop: 'test', code: 'unreachable', message: 'away' }],
    ['recovered', { loop: 'test' }],
  ])
})

test('a bug in a turn is told without its stack and does not end the loop', async () => {
  const { daemon, events, stop } = fakeDaemon()
  let turns = 0
  await runLoop(daemon, 'test', async () => {
    if (++turns === 2) stop()
    if (turns === 1) throw new TypeError('x is not a function')
    return 0
  })
  expect(turns).toBe(2)
  expect(events[0]).toEqual(['warning', { loop: 'test', code: 'fault', message: 'x is not a function' }])
})

test('what the server asks to wait is waited', async () => {
  const { daemon, stop } = fakeDaemon()
  const atMs: number[] = []
  await runLoop(daemon, 'test', async () => {
    atMs.push(performance.now())
    if (atMs.length === 2) stop()
    else throw new CliError('rate_limited', 'slower', { retryAfterMs: 200 })
    return 0
  })
  expect(atMs[1]! - atMs[0]!).toBeGreaterThanOrEqual(195)
})

test('stopping ends a rest and hides the failure it causes', async () => {
  const { daemon, events, stop } = fakeDaemon()
  setTimeout(stop, 30)
  await runLoop(daemon, 'resting', async () => 60_000)
  const other = fakeDaemon()
  await runLoop(other.daemon, 'cut', async () => {
    other.stop()
    throw new CliError('interrupted', 'interrupted')
  })
  expect([...events, ...other.events]).toEqual([])
})

test('when the platform is known to be back nobody waits out a pause, but for what it asked for itself', async () => {
  const { daemon, stop } = fakeDaemon()
  const atMs: Record<string, number[]> = { long: [], asked: [] }
  const fail = (name: string, error: Error, times: number) => async () => {
    const at = atMs[name] as number[]
    at.push(performance.now())
    if (at.length <= times) throw error
    return 60_000
  }
  // After eight failures a pause is a minute, as often as not.
  const loops = [
    runLoop(daemon, 'long', fail('long', new CliError('unreachable', 'away'), 8)),
    runLoop(daemon, 'asked', fail('asked', new CliError('rate_limited', 'slower', { retryAfterMs: 400 }), 1)),
  ]
  const telling = setInterval(daemon.recovery.tell, 10)
  await expect.poll(() => [atMs.long?.length, atMs.asked?.length], { timeout: 60_000 }).toEqual([9, 2])
  clearInterval(telling)
  const [first = 0, second = 0] = atMs.asked ?? []
  expect(second - first).toBeGreaterThanOrEqual(395)
  stop()
  await Promise.all(loops)
})

test('a loop that must be heard of soon waits less, and tells when it works again', async () => {
  const { daemon, stop } = fakeDaemon()
  let turns = 0
  let told = 0
  const startMs = performance.now()
  const turn = async () => {
    if (++turns <= 30) throw new CliError('unreachable', 'away')
    stop()
    return 0
  }
  await runLoop(daemon, 'presence', turn, { pauseMaxMs: 20, onRecovered: () => void told++ })
  expect(performance.now() - startMs).toBeLessThan(20_000)
  expect(told).toBe(1)
})
