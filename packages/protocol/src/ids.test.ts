import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { AgentCard } from './agent-card.ts'
import {
  AgentId,
  AssignmentId,
  base64urlOf,
  base64urlUpTo,
  CapabilityName,
  Cursor,
  IdempotencyKey,
  Origin,
  TaskId,
} from './ids.ts'

const task = 'task_01jz0000000000000000000000'
const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) => schema.safeParse(value).success

/** What is never an id, whatever the kind. */
const neverAnId: unknown[] = [
  '',
  ' ',
  'a',
  '../x',
  'a/b',
  '%2f',
  'x'.repeat(1 << 20),
  'ABC',
  'аgent',
  'ａｇｅｎｔ',
  'agent\u0000',
  'agent\ud800',
  'agent\u202e',
  'agent\n',
  '__proto__',
  7,
  ['agent'],
  null,
  undefined,
  {},
]

describe('an agent id', () => {
  test.each(['abc', 'a.b', 'agent-7', 'x_y.z', `a${'b'.repeat(61)}c`])('may be %s', (id) => {
    expect(accepts(AgentId, id)).toBe(true)
  })

  test.each([...neverAnId, '-abc', 'abc-', `a${'b'.repeat(62)}c`, task.toUpperCase()])('is never %j', (id) => {
    expect(accepts(AgentId, id)).toBe(false)
  })
})

describe('an id of the platform', () => {
  test('is its prefix and a lower-case ULID', () => {
    expect(accepts(TaskId, task)).toBe(true)
  })

  test.each([
    ...neverAnId,
    task.toUpperCase(),
    'task_01jz',
    `${task}0`,
    task.replace('0', 'u'),
    task.replace('task_0', 'task_8'),
  ])('is never %j', (id) => {
    expect(accepts(TaskId, id)).toBe(false)
  })

  test('of one kind is never one of another', () => {
    expect(accepts(AssignmentId, task)).toBe(false)
  })
})

test.each(['text.extract', 'review.json/2', 'a', 'a-b.c'])('a capability may be named %s', (name) => {
  expect(accepts(CapabilityName, name)).toBe(true)
})

test.each(['Text', 'a..b', '.a', 'a.', 'a b', 'a/', 'a/b', 'x'.repeat(65), ''])('a capability is never named %j', (name) => {
  expect(accepts(CapabilityName, name)).toBe(false)
})

test.each(['', ' ', 'a b', 'a'.repeat(65), 'ключ'])('an idempotency key is never %j', (key) => {
  expect(accepts(IdempotencyKey, key)).toBe(false)
})

test.each(['http://127.0.0.1:8080', 'https://market.example.org', 'http://[::1]:1'])('%s is an origin', (origin) => {
  expect(accepts(Origin, origin)).toBe(true)
})

test.each(['http://a/', 'ftp://a', 'https://user@a', 'https://A', 'a'])('%s is no origin', (origin) => {
  expect(accepts(Origin, origin)).toBe(false)
})

test.prop([fc.uint8Array({ minLength: 32, maxLength: 32 })])('32 bytes have one spelling', (bytes) => {
  const text = Buffer.from(bytes).toString('base64url')
  expect(accepts(base64urlOf(32), text)).toBe(true)
  expect(accepts(base64urlOf(32), `${text}=`)).toBe(false)
  expect(accepts(base64urlOf(31), text)).toBe(false)
})

test.prop([fc.uint8Array({ minLength: 1, maxLength: 64, size: 'max' })])('bytes up to a length have one spelling', (bytes) => {
  const text = Buffer.from(bytes).toString('base64url')
  expect(accepts(base64urlUpTo(64), text)).toBe(true)
  const other = `${text.slice(0, -1)}${text.endsWith('_') ? '-' : '_'}`
  const isSame = Buffer.from(other, 'base64url').toString('base64url') === other
  expect(accepts(base64urlUpTo(64), other)).toBe(isSame)
})

test('a cursor is bounded', () => {
  expect(accepts(Cursor, 'a'.repeat(512))).toBe(true)
  expect(accepts(Cursor, 'a'.repeat(513))).toBe(false)
})

describe('the human text of a card', () => {
  const card = {
    v: 1,
    agentId: 'agent',
    seq: 1,
    signKey: 'A'.repeat(43),
    recoveryKeyHash: 'A'.repeat(43),
    status: 'active',
    issuedAtMs: 0,
  }

  test.each(['Ada', 'Zoë’s agent', '翻訳', '🦊 fox'])('may say %s', (name) => {
    expect(accepts(AgentCard, { ...card, name })).toBe(true)
  })

  test.each(['', 'x'.repeat(65), 'a\nb', 'a\u001b[31m', 'a\u202eb', 'a\u2028b', 'a\ud800'])('never says %j', (name) => {
    expect(accepts(AgentCard, { ...card, name })).toBe(false)
  })

  test.each(['prompt', 'uri', 'sha256', 'filename', 'metadata', 'role', 'trustTier', 'balance'])(
    'an unknown field such as %s is refused',
    (field) => {
      expect(accepts(AgentCard, { ...card, name: 'Ada', [field]: 'x' })).toBe(false)
    },
  )
})
