import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { hkdf, hkdfStart } from './hkdf.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

test.prop([bytes(32), bytes(64)])('the start of HKDF is the start of HKDF', (ikm, salt) => {
  const info = 'agent-marketplace/drop/1'
  expect(Buffer.from(hkdfStart({ ikm, salt, info }))).toEqual(Buffer.from(hkdf({ ikm, salt, info, bytes: 32 })))
})

test.prop([fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 })])(
  'it is for one length of salt and secret alone',
  (ikmBytes, saltBytes) => {
    fc.pre(ikmBytes !== 32 || saltBytes !== 64)
    const start = () => hkdfStart({ ikm: new Uint8Array(ikmBytes), salt: new Uint8Array(saltBytes), info: 'x' })
    expect(start).toThrow(RangeError)
  },
)
