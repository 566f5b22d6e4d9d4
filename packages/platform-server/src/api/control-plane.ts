import type { RelayTokenKeys } from '@agent-marketplace/protocol'
import { withPort } from '../address.ts'
import type { Config } from '../config.ts'
import { isEmptyDirectory } from '../data-directory.ts'
import { createDeps, type Deps } from '../deps.ts'
import { sweepEvents } from '../events/operations.ts'
import { FLUSH_EVERY_MS, flushBeats, resumePresence, sweepPresence } from '../heartbeat/operations.ts'
import { sweepReplies } from '../idempotency/operations.ts'
import { sweepIdentity } from '../identity/operations.ts'
import { listen } from '../listen.ts'
import type { Log } from '../log.ts'
import type { Plane } from '../plane.ts'
import { listTokenKeys, prepareTokenKeys, sweepTokens } from '../relay-tokens/operations.ts'
import { sweepWork } from '../review/operations.ts'
import { refuseBrokenLedger } from '../settlement/operations.ts'
import { loadInstanceId } from '../storage/installation.ts'
import { writeInstanceFile } from '../storage/instance-file.ts'
import { openControlDatabase } from '../storage/open.ts'
import type { Sweep } from '../sweep.ts'
import { openTokenSecret } from '../token-secret.ts'
import { appRouter } from './app-router.ts'
import { connectionsCap } from './connections-cap.ts'
import { createControlServer } from './http.ts'

/** Deadlines are kept to the second, and a second's worth of what is to be forgotten is little. */
const DEADLINES_EVERY_MS = 1_000
const FORGET_EVERY_MS = 1_000
const KEYS_EVERY_MS = 60_000

export interface ControlPlane extends Plane {
  /** @param relayOrigin - The relay to tell clients of. @returns what clients call this plane. */
  listen(relayOrigin: string | undefined): Promise<string>
  /** The public keys of relay tokens: all a relay needs to check them. */
  tokenKeys(): Promise<RelayTokenKeys>
}

/**
 * Open the control plane over its storage; it does not listen yet.
 *
 * @throws StorageUnusable.
 */
export async function openControlPlane(config: Config, log: Log): Promise<ControlPlane> {
  const { dataDirectory: directory, database } = config
  const db = await openControlDatabase({ directory, create: config.init || isEmptyDirectory(directory), database })
  // Both origins are complete only once the ports are known, which is before the first request.
  const complete = { ...config }
  await refuseBrokenLedger(db)
  const instanceId = await loadInstanceId(db, Date.now())
  if (db.engine === 'sqlite') writeInstanceFile(directory, instanceId)
  const deps = createDeps({
    db,
    config: complete,
    log,
    instanceId,
    ...(config.relayTokens === 'on' && { tokenSecret: openTokenSecret(directory) }),
  })
  await resumePresence(deps)
  await prepareTokenKeys(deps)
  const { server, drain } = createControlServer({
    router: appRouter,
    deps,
    rateLimits: config.rateLimits,
    trustedProxies: config.trustedProxies,
    limits: { connectionsMax: connectionsCap() },
  })
  return {
    sweeps: controlSweeps(deps),
    failed: db.failed,
    async listen(relayOrigin) {
      complete.relayOrigin = relayOrigin
      complete.origin = withPort(config.origin, await listen(server, config.listen))
      return complete.origin
    },
    tokenKeys: () => listTokenKeys(deps),
    drain,
    async close() {
      await flushBeats(deps)
      await db.close()
    },
  }
}

function controlSweeps(deps: Deps): Sweep[] {
  return [
    { name: 'beats', everyMs: FLUSH_EVERY_MS, run: () => flushBeats(deps) },
    { name: 'presence', everyMs: DEADLINES_EVERY_MS, run: () => sweepPresence(deps) },
    { name: 'work', everyMs: DEADLINES_EVERY_MS, run: () => sweepWork(deps) },
    { name: 'identity', everyMs: FORGET_EVERY_MS, run: () => sweepIdentity(deps) },
    { name: 'replies', everyMs: FORGET_EVERY_MS, run: () => sweepReplies(deps) },
    { name: 'events', everyMs: FORGET_EVERY_MS, run: () => sweepEvents(deps) },
    { name: 'relay-tokens', everyMs: KEYS_EVERY_MS, run: () => sweepTokens(deps) },
  ]
}
