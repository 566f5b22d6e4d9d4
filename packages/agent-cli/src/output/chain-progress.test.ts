import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ChainEvent } from '../agent/run-chain.ts'
import { chainProgress } from './chain-progress.ts'

/** A terminal that does what it is told, and what stands on it. */
function terminal({ rows = 24, columns = 80, isTTY = true } = {}) {
  const screen = ['']
  let row = 0
  let column = 0
  const put: Readonly<Record<string, (count: number) => void>> = {
    A: (count) => {
      if (row < count) throw new Error('drawn above the screen')
      row -= count
    },
    J: () => void screen.splice(row, screen.length, (screen[row] ?? '').slice(0, column)),
    K: () => {
      screen[row] = (screen[row] ?? '').slice(0, column)
    },
  }
  const write = (text: string) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal is told
    for (const [each, count, verb] of text.matchAll(/\u001b\[\??(\d*)([a-zA-Z])|[\s\S]/g)) {
      if (verb !== undefined) put[verb]?.(Number(count || 1))
      else if (each === '\n') row++
      else if (each === '\r') column = 0
      else if (column < columns)
        screen[row] = `${(screen[row] ?? '').slice(0, column)}${each}${(screen[row] ?? '').slice(++column)}`
      if (each === '\n') column = 0
    }
    return true
  }
  const shown = () => screen.map((line) => line.trimEnd()).filter((line) => line !== '')
  return { shown, stream: { write, rows, isTTY } as unknown as NodeJS.WriteStream }
}

const tell = (
  event: ChainEvent['event'],
  step?: string,
  details: Record<string, string | readonly string[]> = {},
): ChainEvent => ({
  event,
  atMs: 0,
  chainId: 'chn_1',
  ...(step !== undefined && { step }),
  ...details,
})
const env = { TERM: 'xterm' }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('each step has its line, which says the last that is known of it, and time goes on', () => {
  const { shown, stream } = terminal()
  const progress = chainProgress(stream, { env })
  progress?.tell(tell('started', undefined, { steps: ['extract', 'sum', 'report'], passed: ['extract'] }))
  progress?.tell(tell('searching', 'sum'))
  progress?.tell(tell('hired', 'sum', { agentId: 'tally', assignmentId: 'asg_1' }))
  expect(shown()).toEqual([
    'chn_1  1 of 3 steps passed, 0:00',
    '  extract  passed',
    '  sum      hired tally (asg_1)',
    '  report   waiting',
  ])
  vi.advanceTimersByTime(65_000)
  progress?.note('the platform is away; trying again in 2 s')
  expect(shown().at(0)).toBe('chn_1  1 of 3 steps passed, 1:05')
  expect(shown().at(-1)).toBe('the platform is away; trying again in 2 s')
  progress?.tell(tell('passed', 'sum', { output: ['/out/sum.json'] }))
  expect(shown()).toEqual([
    'chn_1  2 of 3 steps passed, 1:05',
    '  extract  passed',
    '  sum      passed: /out/sum.json',
    '  report   waiting',
  ])
})

test('it goes away with a chain that has ended, and stays with one that was interrupted', () => {
  for (const end of ['erase', 'leave'] as const) {
    const { shown, stream } = terminal()
    const progress = chainProgress(stream, { env })
    progress?.tell(tell('started', undefined, { steps: ['one'] }))
    progress?.[end]()
    const left = shown()
    expect(left.length).toBe(end === 'erase' ? 0 : 2)
    vi.advanceTimersByTime(5_000)
    expect(shown()).toEqual(left)
  }
})

test('a small terminal shows the steps that go on, and nothing wraps or steers it', () => {
  const { shown, stream } = terminal({ rows: 5, columns: 30 })
  const progress = chainProgress(stream, { env })
  const steps = Array.from({ length: 20 }, (_, at) => `step-${at}`)
  progress?.tell(tell('started', undefined, { steps }))
  for (const step of steps.slice(3, 12)) progress?.tell(tell('failed', step, { reason: 'a\u001b[2Jvery\nlong '.repeat(20) }))
  progress?.note('beside')
  expect(shown()).toHaveLength(4)
  expect(shown()[0]).toMatch(/^chn_1 {2}0 of 20 steps/)
  expect(shown()[1]).toMatch(/^ {2}step-3 +failed: a\[2Jver/)
  expect(shown().at(-1)).toBe('beside')
  expect(shown().every((line) => line.length <= 30)).toBe(true)
})

test('a word that comes before the chain has begun stands alone', () => {
  const { shown, stream } = terminal()
  chainProgress(stream, { env })?.note('the platform is away')
  expect(shown()).toEqual(['the platform is away'])
})

test('is for terminals that can draw', () => {
  expect(chainProgress(terminal({ isTTY: false }).stream, { env })).toBeUndefined()
  expect(chainProgress(terminal().stream, { env: { TERM: 'dumb' } })).toBeUndefined()
})
