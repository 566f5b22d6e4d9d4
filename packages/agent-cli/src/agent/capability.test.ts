import { expect, test } from 'vitest'
import { parseCapability } from './capability.ts'

test('a capability says its name, how many at a time and its price', () => {
  expect(parseCapability('text.extract')).toEqual({ name: 'text.extract', maxConcurrency: 1 })
  expect(parseCapability('text.extract:3')).toEqual({ name: 'text.extract', maxConcurrency: 3 })
  expect(parseCapability('text.extract/2:3:5.25')).toEqual({ name: 'text.extract/2', maxConcurrency: 3, price: '5.25' })
})

test('what it does not say comes from the defaults', () => {
  expect(parseCapability('a', { maxConcurrency: 4, price: '2' })).toEqual({ name: 'a', maxConcurrency: 4, price: '2' })
  expect(parseCapability('a:1:9', { maxConcurrency: 4, price: '2' })).toEqual({ name: 'a', maxConcurrency: 1, price: '9' })
})

test.each(['a:0', 'a:x', 'a:-1', 'a:1.5', 'a:1:2:3', 'a:'])('"%s" is refused', (text) => {
  expect(() => parseCapability(text)).toThrow(expect.objectContaining({ code: 'usage' }))
})
