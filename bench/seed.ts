import { BeatLine } from '../packages/platform-server/src/beat-line.ts'
import { parseConfig } from '../packages/platform-server/src/config.ts'
import { createDeps, type Deps } from '../packages/platform-server/src/deps.ts'
import { createLog } from '../packages/platform-server/src/log.ts'
import { loadInstanceId } from '../packages/platform-server/src/storage/installation.ts'
import { openControlDatabase } from '../packages/platform-server/src/storage/open.ts'

/** Where a server keeps its data. */
export interface Home {
  readonly directory: string
  /** A `postgres://` address; without it, SQLite in the directory. */
  readonly database?: string | undefined
}

/** Lets every beat in: what is measured is what a beat costs, not how many are let in. */
const NO_LIMITS = { inPerTick: Number.POSITIVE_INFINITY, underWayMax: Number.POSITIVE_INFINITY }

/** Open the storage of a server, as the server does. */
export async function openDeps({ directory, database }: Home): Promise<Deps> {
  const db = await openControlDatabase({ directory, create: true, database })
  const { config } = parseConfig(['--data', directory], {})
  const instanceId = await loadInstanceId(db, Date.now())
  return createDeps({ db, config, log: createLog('error'), instanceId, beatLine: new BeatLine(NO_LIMITS) })
}
