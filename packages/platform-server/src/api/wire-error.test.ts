import { ERROR_CODES, type ErrorCode, WireError } from '@agent-marketplace/protocol'
import { TRPCError } from '@trpc/server'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { Refusal } from '../errors.ts'
import { errorBody, findRefusal } from './wire-error.ts'

const codes = Object.keys(ERROR_CODES) as ErrorCode[]

function inputError(schema: z.ZodType, value: unknown): TRPCError {
  return new TRPCError({ code: 'BAD_REQUEST', cause: schema.safeParse(value).error })
}

test('every code has a body that its own schema accepts and a number that tRPC knows', () => {
  const known: number[] = Object.values(TRPC_ERROR_CODES_BY_KEY)

  for (const code of codes) {
    const { error } = JSON.parse(errorBody(new Refusal(code, 'no', { retryAfterMs: 1, hint: 'try' }), 'r1'))

    expect(WireError.parse(error.data)).toEqual({ code, message: 'no', requestId: 'r1', retryAfterMs: 1, hint: 'try' })
    expect(known).toContain(error.code)
  }
})

test('an input is refused with the path and the rule of at most five issues, never with a value or an unknown name', () => {
  const schema = z.strictObject({
    a: z.int(),
    b: z.string().max(2),
    c: z.enum(['x', 'y']),
    d: z.array(z.strictObject({ e: z.string().regex(/^q$/) })),
    f: z.string().refine(() => false, 'a canonical decimal amount'),
    g: z.int(),
  })
  const value = { a: 'secret', b: 'secret', c: 'secret', d: [{ e: 'secret' }], f: 'secret', g: 'secret', secretKey: 1 }
  const refusal = findRefusal(inputError(schema, value))

  expect(refusal).toMatchObject({ code: 'invalid_input' })
  expect(refusal?.message).toBe(
    'input.a: expected number; input.b: at most 2; input.c: expected x or y; input.d.0.e: invalid format; input.f: expected a canonical decimal amount',
  )
  expect(findRefusal(inputError(z.strictObject({}), { secretKey: 1 }))?.message).toBe('input: unknown field')
})

test('a refusal is found as the cause of what tRPC made of it', () => {
  const refusal = new Refusal('wrong_state', 'the task is closed')

  expect(findRefusal(new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause: refusal }))).toBe(refusal)
})

test('a schema that fails behind the input is a fault, and so is everything else', () => {
  const { error: cause } = z.string().safeParse(1)

  expect(findRefusal(new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause }))).toBeUndefined()
  expect(findRefusal(cause)).toBeUndefined()
  expect(findRefusal(new Error('no'))).toBeUndefined()
  expect(findRefusal('no')).toBeUndefined()
})
