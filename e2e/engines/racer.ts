// One of several server processes over one database, without a transport. Each line on stdin is an order: over which database to work from now on, with
// which flags; what time it is; or calls, all of which are made at once. What came of it is said in one line.
import { createInterface } from 'node:readline'
import { findRefusal } from '../../packages/platform-server/src/api/wire-error.ts'
import { parseConfig } from '../../packages/platform-server/src/config.ts'
import { createDeps, type Deps } from '../../packages/platform-server/src/deps.ts'
import { createLog } from '../../packages/platform-server/src/log.ts'
import { sweepWork } from '../../packages/platform-server/src/review/operations.ts'
import { loadInstanceId } from '../../packages/platform-server/src/storage/installation.ts'
import { openControlDatabase } from '../../packages/platform-server/src/storage/open.ts'
import { callAs } from '../../packages/platform-server/test/platform.ts'
import type { Call, Opening, Order, Result } from './racers.ts'

let opened: { deps: Deps; close: () => Promise<void> } | undefined
let nowMs = 0

async function open({ database, flags }: Opening): Promise<void> {
  await opened?.close()
  const db = await openControlDatabase({ directory: '', create: false, database })
  const { config } = parseConfig(flags, {})
  const instanceId = await loadInstanceId(db, nowMs)
  const deps = createDeps({ db, config, log: createLog('silent'), instanceId, now: () => nowMs })
  opened = { deps, close: () => db.close() }
}

async function make({ token, key, procedure: [slice, name], input }: Call, deps: Deps): Promise<Result> {
  const api = callAs(deps, token, key) as unknown as Record<string, Record<string, (input: object) => Promise<unknown>>>
  try {
    return { reply: await api[slice]?.[name]?.(input) }
  } catch (error) {
    return { code: findRefusal(error)?.code ?? String(error) }
  }
}

/** What is due is done by whoever comes first, as by the timers of several servers. */
async function sweep(deps: Deps): Promise<Result> {
  try {
    return { reply: await sweepWork(deps) }
  } catch (error) {
    return { code: String(error) }
  }
}

for await (const line of createInterface(process.stdin)) {
  const { open: opening, nowMs: at, calls }: Order = JSON.parse(line)
  nowMs = at
  if (opening) await open(opening)
  if (!opened) throw new Error('the first order opens a database')
  const { deps } = opened
  console.log(JSON.stringify(await Promise.all(calls.map((call) => (call === 'sweep' ? sweep(deps) : make(call, deps))))))
}
await opened?.close()
