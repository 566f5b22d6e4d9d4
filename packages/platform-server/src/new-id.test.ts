import { TaskId } from '@agent-marketplace/protocol'
import { expect, test } from 'vitest'
import { newId } from './new-id.ts'

test('ids are well-formed, all different, and use every letter in every random place', () => {
  const ids = Array.from({ length: 5_000 }, () => newId('task'))
  expect(ids.every((id) => TaskId.safeParse(id).success)).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
  for (let place = 'task_'.length + 10; place < 'task_'.length + 26; place++) {
    expect(new Set(ids.map((id) => id[place])).size).toBe(32)
  }
})
