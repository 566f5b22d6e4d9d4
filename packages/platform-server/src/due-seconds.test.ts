import { expect, test } from 'vitest'
import { DueSeconds } from './due-seconds.ts'

test('what is due is taken once, and what is not is left alone', () => {
  const due = new DueSeconds<string>()
  due.add(1, 'alpha')
  due.add(2, 'beta')
  due.add(1, 'gamma')

  expect(due.takeBegun(999)).toEqual([])
  expect(due.takeBegun(1_999)).toEqual([[1, ['alpha', 'gamma']]])
  due.add(1, 'delta')
  expect(due.takeBegun(2_000)).toEqual([
    [2, ['beta']],
    [1, ['delta']],
  ])
  expect(due.takeBegun(9_000)).toEqual([])
})
