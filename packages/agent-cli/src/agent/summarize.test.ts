import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { summarize } from './summarize.ts'

/** Anything, and often what steers a terminal. */
const unit = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.constantFrom(...'\n\u0000\u001b\u007f\u009b\u2028\u2029\u202e\u2066 a'),
)

test.prop([fc.string({ unit, minLength: 1, maxLength: 2000, size: 'max' })])(
  'a summary is one short line fit for a terminal, whatever was sent',
  (text) => {
    const summary = summarize('message.text', { v: 1, text })
    expect(summary.length).toBeLessThanOrEqual(80)
    expect(summary).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
  },
)

test('a summary says what the document is about', () => {
  const assignmentId = `asg_${'0'.repeat(26)}`
  expect(summarize('message.text', { v: 1, text: 'hello\nthere' })).toBe('hello there')
  expect(summarize('order.decline', { v: 1, assignmentId, reason: 'no time' })).toBe(
    `order for ${assignmentId} declined: no time`,
  )
  expect(summarize('receipt', { v: 1, ref: '', state: 'acted' })).toBe('your message was acted')
})
