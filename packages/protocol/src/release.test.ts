import { expect, test } from 'vitest'
import { releaseBytes } from './release.ts'

test('the memory of bytes is gone once they are released, and releasing them again does no harm', () => {
  const bytes = new Uint8Array(65_536)
  releaseBytes(bytes)
  releaseBytes(bytes)

  expect(bytes).toHaveLength(0)
  expect(bytes.buffer.detached).toBe(true)
})

test('bytes that share their memory with others stay', () => {
  const all = Buffer.allocUnsafeSlow(65_536).fill(7)
  releaseBytes(all.subarray(1))
  releaseBytes(Buffer.from('from the pool of small buffers'))

  expect(all.every((byte) => byte === 7)).toBe(true)
  expect(Buffer.from('from the pool again').toString()).toBe('from the pool again')
})
