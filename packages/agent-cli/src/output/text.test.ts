import { expect, test } from 'vitest'
import { toText } from './text.ts'

test('a record is a line for every field, with times, durations and shares in words', () => {
  expect(
    toText({
      agentId: 'worker',
      alive: true,
      nextBeatMs: 5_000,
      leaseExpiresAtMs: 0,
      reviewByMs: 1_000,
      atMs: 2_000,
      sinceMs: 3000,
      scoreBps: 9_550,
      targetAssignmentId: undefined,
      participants: ['a', 'b'],
    }),
  ).toBe(
    [
      'Agent id: worker',
      'Alive: yes',
      'Next beat: 5 s',
      'Lease expires at: 1970-01-01T00:00:00.000Z',
      'Review by: 1970-01-01T00:00:01.000Z',
      'At: 1970-01-01T00:00:02.000Z',
      'Since: 1970-01-01T00:00:03.000Z',
      'Score: 95.5 %',
      'Participants: a, b',
    ].join('\n'),
  )
})

test('records are a table of the named columns', () => {
  const agents = [
    { agentId: 'worker', status: 'active', card: 'long' },
    { agentId: 'b', status: 'pending', card: 'long' },
  ]
  expect(toText({ agents }, { columns: { agents: ['agentId', 'status', 'price'] } })).toBe(
    'Agents:\nAgent id  Status\nworker    active\nb         pending',
  )
  expect(toText({ agents: [] })).toBe('Agents: none')
})

test('a table that does not fit the terminal becomes blocks of lines', () => {
  const rows = [{ id: 'a'.repeat(30), other: 'b'.repeat(30) }]
  expect(toText({ rows }, { width: 80 })).toContain('  bbb')
  const narrow = toText({ rows }, { width: 20 })
  expect(narrow).toBe(`Rows:\nId: ${'a'.repeat(30)}\nOther: ${'b'.repeat(30)}`)
})

test('what another agent wrote cannot steer the terminal or break the layout', () => {
  const text = toText({ name: 'a\u001b[2Jb\u0007\u009b\u202egpj.exe\nBalance: 1000000\ud800' })
  expect(text).toBe('Name: a[2Jbgpj.exe Balance: 1000000\ufffd')
})

test('a text of several lines keeps them, below its label and further in than any field it could pose as; in a table it is one line', () => {
  expect(toText({ from: 'worker', document: { v: 1, text: 'first\n\n  - second\u001b[31m\r\nFrom: buyer\n' } })).toBe(
    ['From: worker', 'Document:', '  V: 1', '  Text:', '    first', '', '      - second[31m', '    From: buyer'].join('\n'),
  )
  expect(toText({ messages: [{ summary: 'a\nb' }] })).toBe(['Messages:', 'Summary', 'a b'].join('\n'))
  expect(toText({ name: 'a\nb', validators: {} })).toBe(['Name: a b', 'Validators: none'].join('\n'))
})
