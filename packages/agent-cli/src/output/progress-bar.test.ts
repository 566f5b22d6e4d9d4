import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { progressBar, showWait } from './progress-bar.ts'

const MEBIBYTE = 1024 * 1024

/** A terminal that keeps what was written to it. */
function open(columns: number | undefined, isTTY = true) {
  const written: string[] = []
  const write = (text: string) => written.push(text) > 0
  return { written, stream: { write, columns, isTTY } as unknown as NodeJS.WriteStream }
}

/** What stands on the line last drawn. */
const last = (written: string[]) => (written.at(-1) ?? '').replace('\r\u001b[K', '')

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a progress bar', () => {
  test('is drawn once a transfer has taken a second, and ends its line', () => {
    const { written, stream } = open(80)
    const bar = progressBar('sealing', stream)
    bar?.(1 * MEBIBYTE, 4 * MEBIBYTE)
    expect(written).toEqual([])
    vi.advanceTimersByTime(1_100)
    bar?.(2 * MEBIBYTE, 4 * MEBIBYTE)
    expect(last(written)).toBe('sealing [############............] 2.0 of 4.0 MiB')
    bar?.(3 * MEBIBYTE, 4 * MEBIBYTE)
    expect(written).toHaveLength(1)
    bar?.(4 * MEBIBYTE, 4 * MEBIBYTE)
    expect(last(written)).toBe('sealing [########################] 4.0 of 4.0 MiB\n')
  })

  test('of a transfer that was over within a second was never there', () => {
    const { written, stream } = open(80)
    progressBar('sealing', stream)?.(5, 5)
    vi.advanceTimersByTime(5_000)
    expect(written).toEqual([])
  })

  test.each([20, 30, 50, 80, undefined])('fits a terminal of %s columns', (columns) => {
    const { written, stream } = open(columns)
    const bar = progressBar('fetching', stream)
    vi.advanceTimersByTime(2_000)
    bar?.(1_000 * MEBIBYTE, 4_000 * MEBIBYTE)
    expect(last(written)).toContain('fetching')
    expect(last(written).length).toBeLessThan(columns ?? 80)
  })

  test('is for terminals alone', () => {
    expect(progressBar('sealing', open(80, false).stream)).toBeUndefined()
  })
})

test('a wait counts its seconds and takes its line away', () => {
  const { written, stream } = open(20)
  const end = showWait('waiting for messages', 60, stream)
  vi.advanceTimersByTime(3_000)
  expect(written).toHaveLength(3)
  expect(last(written).length).toBeLessThan(20)
  end()
  expect(written.at(-1)).toBe('\r\u001b[K')
  vi.advanceTimersByTime(3_000)
  expect(written).toHaveLength(4)

  const quiet = open(80, false)
  showWait('waiting', 60, quiet.stream)()
  expect(quiet.written).toEqual([])
})
