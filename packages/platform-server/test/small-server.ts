import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type ControlServer, createControlServer, type HttpLimits } from '../src/api/http.ts'
import { publicProcedure, router } from '../src/api/trpc.ts'
import { parseConfig } from '../src/config.ts'
import { createDeps } from '../src/deps.ts'
import { Refusal } from '../src/errors.ts'
import type { Log, LogFields } from '../src/log.ts'
import { openControlDatabase } from '../src/storage/open.ts'

/** The transport with a router of its own, which shows what reached it. */
export interface SmallServer extends AsyncDisposable {
  readonly control: ControlServer
  readonly port: number
  readonly origin: string
  /** Names of the procedures that were run, in order. */
  readonly calls: string[]
  readonly logged: { level: string; event: string; fields: LogFields }[]
  readonly closeStorage: () => Promise<void>
}

const Deep = z.strictObject({ next: z.lazy((): z.ZodType => Deep).optional() })
const Input = z.strictObject({ text: z.string().max(20).optional(), count: z.int().min(0).optional(), deep: Deep.optional() })
const Output = z.strictObject({ text: z.string().optional(), token: z.string().optional(), key: z.string().optional() })

export async function openSmallServer({
  rateLimits = 'off',
  limits = {},
  now = Date.now,
}: {
  rateLimits?: 'on' | 'off'
  now?: () => number
  limits?: Partial<HttpLimits>
} = {}): Promise<SmallServer> {
  const directory = mkdtempSync(join(tmpdir(), 'small-server-'))
  const calls: string[] = []
  const logged: SmallServer['logged'] = []
  const write =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      void logged.push({ level, event, fields })
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const db = await openControlDatabase({ directory, create: true })
  const { config } = parseConfig(['--data', directory], {})
  const deps = createDeps({ db, config, log, instanceId: 'small', now, monotonic: now })
  const control = createControlServer({ router: smallRouter(calls), deps, rateLimits, limits })
  await new Promise<void>((resolve) => control.server.listen(0, '127.0.0.1', resolve))
  const { port } = control.server.address() as AddressInfo
  return {
    control,
    port,
    origin: `http://127.0.0.1:${port}`,
    calls,
    logged,
    closeStorage: () => db.close(),
    [Symbol.asyncDispose]: async () => {
      control.server.closeAllConnections()
      control.server.close()
      await db.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function smallRouter(calls: string[]) {
  const noted = publicProcedure.input(Input).use(({ path, next }) => {
    calls.push(path)
    return next()
  })
  return router({
    things: router({
      get: noted
        .output(Output)
        .query(({ input: { text }, ctx: { request } }) => ({ text, token: request.token, key: request.idempotencyKey })),
      make: noted
        .output(Output)
        .mutation(({ input: { text }, ctx: { request } }) => ({ text, token: request.token, key: request.idempotencyKey })),
      refuse: noted.query(() => {
        throw new Refusal('overloaded', 'come back later', { retryAfterMs: 1_500, hint: 'later' })
      }),
      reject: noted.query(() => {
        throw new Refusal('unauthenticated', 'no such session')
      }),
      break: noted.query(({ input }) => {
        throw new Error(`broken by ${input.text}`)
      }),
      lie: noted.output(Output).query(({ input }) => ({ wrong: input.text }) as object),
      wait: noted.query(async ({ ctx: { request } }) => {
        await once(request.signal, 'abort')
        calls.push('aborted')
        return { waited: true }
      }),
    }),
  })
}
