import { expect, test } from 'vitest'
import { CliError } from '../agent/cli-error.ts'
import type { Daemon } from './daemon-context.ts'
import { runLoop } from './run-loop.ts'

function fakeDaemon() {
  const controller = new AbortController()
  const events: unknown[] = []
  const emit: Daemon['emit'] = (event, details) => void events.push([event, details])
  return { events, stop: () => controller.abort(), daemon: { emit, signal: controller.signal } as Daemon }
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
