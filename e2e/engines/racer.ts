// One of several server processes over one database, without a transport. Each line on stdin is a JSON array of calls: all of them are made at once,
// and what came of each is said in one line. Arguments: the database; the time it is for all of them.
import { createInterface } from 'node:readline'
import { parseConfig } from '../../packages/platform-server/src/config.ts'
import { createDeps } from '../../packages/platform-server/src/deps.ts'
import { Refusal } from '../../packages/platform-server/src/errors.ts'
import { createLog } from '../../packages/platform-server/src/log.ts'
import { loadInstanceId } from '../../packages/platform-server/src/storage/installation.ts'
import { openControlDatabase } from '../../packages/platform-server/src/storage/open.ts'
import { callAs } from '../../packages/platform-server/test/platform.ts'
import type { Call, Result } from './racers.ts'

const [database = '', nowMs = ''] = process.argv.slice(2)
const db = await openControlDatabase({ directory: '', create: false, database })
const { config } = parseConfig([], {})
const instanceId = await loadInstanceId(db, Number(nowMs))
const deps = createDeps({ db, config, log: createLog('silent'), instanceId, now: () => Number(nowMs) })

async function make({ token, key, procedure: [slice, name], input }: Call): Promise<Result> {
  const api = callAs(deps, token, key) as unknown as Record<string, Record<string, (input: object) => Promise<unknown>>>
  try {
    return { reply: await api[slice]?.[name]?.(input) }
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    return { code: cause instanceof Refusal ? cause.code : String(cause ?? error) }
  }
}

console.log('ready')
for await (const line of createInterface(process.stdin))
  console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(make))))
await db.close()
