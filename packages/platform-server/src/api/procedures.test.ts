import { callTRPCProcedure, initTRPC, TRPCError } from '@trpc/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Refusal } from '../errors.ts'
import { listProcedures } from './procedures.ts'
import type { Context } from './trpc.ts'

const t = initTRPC.context<{ seen: string[] }>().create()
const refused = new Refusal('wrong_state', 'the task is closed')

const noted = t.procedure.use(({ ctx, path, type, input, next }) => {
  ctx.seen.push(`${type} ${path} ${JSON.stringify(input)}`)
  return next({ ctx: { first: 1 } })
})
const both = noted
  .input(z.strictObject({ a: z.int().default(5) }))
  .use(({ ctx, next }) => next({ ctx: { second: ctx.first + 1 } }))
  .output(z.strictObject({ a: z.int(), sum: z.int() }))

const router = t.router({
  plain: t.procedure.query(() => 'plain'),
  deep: t.router({
    query: both.query(({ ctx, input }) => ({ a: input.a, sum: ctx.first + ctx.second })),
    mutation: both.mutation(({ ctx, input }) => ({ a: input.a, sum: ctx.first + ctx.second })),
  }),
  lies: both.query(() => ({}) as { a: number; sum: number }),
  refuses: both.query((): { a: number; sum: number } => {
    throw refused
  }),
  refusesEarly: noted
    .use(() => {
      throw refused
    })
    .query(() => 'never'),
  breaks: both.query((): { a: number; sum: number } => {
    throw new Error('broken')
  }),
})

interface Ended {
  readonly seen: readonly string[]
  readonly data?: unknown
  readonly failed?: string
}

async function endOf(work: (ctx: { seen: string[] }) => Promise<unknown>): Promise<Ended> {
  const ctx = { seen: [] }
  try {
    return { seen: ctx.seen, data: await work(ctx) }
  } catch (error) {
    return { seen: ctx.seen, failed: describeFailure(error) }
  }
}

/** tRPC wraps what a procedure throws; we pass it on as it is. */
function describeFailure(error: unknown): string {
  const isWrapped = error instanceof TRPCError && error.code === 'INTERNAL_SERVER_ERROR' && error.cause
  const origin = isWrapped ? error.cause : error
  return origin instanceof TRPCError ? `${origin.code} ${origin.message}` : String(origin)
}

describe('a procedure runs as tRPC runs it', () => {
  const inputs = [undefined, {}, { a: 7 }, { a: 'x' }, { b: 1 }, null, 3]
  const paths = [...listProcedures(router).keys()]

  test.each(paths.flatMap((path) => inputs.map((input) => [path, input] as const)))('%s with %j', async (path, input) => {
    const procedure = listProcedures(router).get(path)
    const type = procedure?.type ?? 'query'
    const ours = await endOf(async (ctx) => procedure?.run(ctx as unknown as Context, input))
    const theirs = await endOf((ctx) =>
      callTRPCProcedure({ router, path, type, ctx, getRawInput: async () => input, signal: undefined, batchIndex: 0 }),
    )

    expect(ours).toEqual(theirs)
  })
})

test('what carries no single answer is refused when the server is made', () => {
  const streaming = t.router({
    endless: t.procedure.subscription(async function* () {
      yield 1
    }),
  })

  expect(() => listProcedures(streaming)).toThrow('endless is a subscription')
})
