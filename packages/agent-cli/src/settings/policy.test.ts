import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { readPolicy, writePolicy } from './policy.ts'

test('a policy comes back as it was set, 0600 under umask 000, and keeps what was not changed', async () => {
  using home = makeTestHome()
  const directory = join(home.path, 'profile')
  expect(readPolicy(directory)).toEqual({})
  const umask = process.umask(0)
  try {
    await writePolicy(directory, { minPrice: '5', denyBuyers: ['mallory'] }, { isReset: false })
    await writePolicy(directory, { maxInputBytes: 10 }, { isReset: false })
  } finally {
    process.umask(umask)
  }
  expect(readPolicy(directory)).toEqual({ minPrice: '5', denyBuyers: ['mallory'], maxInputBytes: 10 })
  expect(statSync(join(directory, 'policy.json')).mode & 0o777).toBe(0o600)

  expect(await writePolicy(directory, { dailyJobs: 1 }, { isReset: true })).toEqual({ dailyJobs: 1 })
  expect(readPolicy(directory)).toEqual({ dailyJobs: 1 })
})

test.each([
  '',
  '{',
  '[]',
  'null',
  '{"minPrice":5}',
  '{"minPrice":"five"}',
  '{"maxInputBytes":-1}',
  '{"denyBuyers":"mallory"}',
  '{"minprice":"5"}',
  '{"toString":1}',
])('a limit that cannot be read is not overlooked: %s', async (text) => {
  using home = makeTestHome()
  writeFileSync(join(home.path, 'policy.json'), text, { mode: 0o600 })
  expect(() => readPolicy(home.path)).toThrow(expect.objectContaining({ code: 'local_state', exit: 7 }))
  await expect(writePolicy(home.path, { dailyJobs: 1 }, { isReset: false })).rejects.toMatchObject({ exit: 7 })
  expect(await writePolicy(home.path, { dailyJobs: 1 }, { isReset: true })).toEqual({ dailyJobs: 1 })
})

test('a policy that others may write is no policy', async () => {
  using home = makeTestHome()
  await writePolicy(home.path, { dailyJobs: 1 }, { isReset: false })
  chmodSync(join(home.path, 'policy.json'), 0o666)
  expect(() => readPolicy(home.path)).toThrow(expect.objectContaining({ exit: 7 }))
})
