import { describe, expect, test } from 'vitest'
import { withoutStackTraces } from './stack-traces.ts'

const framesOf = (error: unknown) => (error as Error).stack?.split('\n').slice(1) ?? []

describe('withoutStackTraces', () => {
  test('gives back what was made', () => {
    expect(withoutStackTraces(() => 7)).toBe(7)
  })

  test('errors have no trace while it runs, and have one again afterwards, also where it threw', () => {
    const within: unknown[] = []
    expect(() =>
      withoutStackTraces(() => {
        within.push(new Error('caught'))
        throw new Error('thrown')
      }),
    ).toThrow('thrown')

    expect(framesOf(within[0])).toHaveLength(0)
    expect(framesOf(new Error('after')).length).toBeGreaterThan(0)
  })
})
