import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that a system gives out by itself, so that nobody is given one of them while whoever asked for it does not listen yet, or starts again. */
const FIRST = 20_000
/** Every worker of the tests has as many of its own. */
const EACH = 1_000
let last = process.pid

/** @returns a port of the loopback address that nothing listens on: for a server that must be there again, at the same one, after a restart. */
export async function findFreePort(): Promise<number> {
  const worker = Number(process.env.VITEST_POOL_ID ?? 0) % 10
  for (let tries = 0; tries < EACH; tries++) {
    const port = FIRST + worker * EACH + (++last % EACH)
    if (await isFree(port)) return port
  }
  throw new Error(`nothing is free from ${FIRST + worker * EACH} on`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
