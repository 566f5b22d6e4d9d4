import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { sameBytes } from './same-bytes.ts'

const chunks = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 6 })

async function* stream(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

test.prop([chunks, chunks], { examples: [[[], [new Uint8Array()]]] })(
  'two streams are the same when their bytes are, however they are cut',
  async (left, right) => {
    const isSame = Buffer.concat(left).equals(Buffer.concat(right))
    expect(await sameBytes(stream(left), stream(right))).toBe(isSame)
  },
)

test.prop([fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })])(
  'cutting the same bytes in two ways changes nothing',
  async (bytes, one, other) => {
    const cut = (size: number) =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    expect(await sameBytes(stream(cut(one)), stream(cut(other)))).toBe(true)
  },
)
