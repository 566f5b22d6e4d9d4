import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { FEED_WAIT_MAX_S, type RelayTokenKeys, relayTokenEpochAt } from '@agent-marketplace/protocol'
import { originOf, withPort } from './address.ts'
import { BadConfiguration, type Config } from './config.ts'
import { isEmptyDirectory } from './data-directory.ts'
import { listen } from './listen.ts'
import type { Log } from './log.ts'
import type { Plane } from './plane.ts'
import { RELAY_APPLICATION_ID, relayMigrations } from './relay/migrations.ts'
import { createRelayPlane, describeFault } from './relay/plane.ts'
import { sumBodyBytes } from './relay/slot-store.ts'
import { createTokenVerifier, type LearningVerifier } from './relay/token-verifier.ts'
import { openBlobs } from './relay-blobs.ts'
import type { Database } from './storage/database.ts'
import { openSqlite } from './storage/sqlite.ts'
import type { SqliteFile } from './storage/sqlite-file.ts'
import { type Inspection, inspectSqlite } from './storage/sqlite-inspection.ts'
import type { Sweep } from './sweep.ts'
import { NoTokenKeys, readTokenKeys } from './token-key-source.ts'

const FEED_TICK_MS = 1_000
/** Bytes expire within 60 s of their hour. */
const SWEEP_EVERY_MS = 30_000
/** Keys are known a week before they are used. */
const LEARN_EVERY_MS = 60_000

export interface RelayPlane extends Plane {
  /** @returns what clients call this plane. */
  listen(): Promise<string>
}

/**
 * Open the relay over its own files beside those of the control plane; it does not listen yet.
 *
 * @param issuedKeys - The public keys of the control plane in this process, if there is one.
 * @throws StorageUnusable, BadConfiguration.
 */
export async function openRelayPlane(config: Config, log: Log, issuedKeys?: () => Promise<RelayTokenKeys>): Promise<RelayPlane> {
  const tokens = config.relayTokens === 'on' ? await openTokens(issuedKeys ?? keysFrom(config)) : undefined
  const db = openRelayDatabase(config)
  const onFault = (stack: string) => log.error('relay.fault', { stack })
  const hasSlots = (await db.read(sumBodyBytes)) > 0
  const plane = await createRelayPlane({
    db,
    blobs: await openBlobs(config, {
      directory: relayDirectory(config),
      hasSlots,
      onFault: (error) => onFault(describeFault(error)),
    }),
    feedTickMs: FEED_TICK_MS,
    feedWaitMaxS: FEED_WAIT_MAX_S,
    capBytes: config.relayCapacity,
    tokens: tokens?.verifier ?? 'off',
    now: Date.now,
    onFault,
  })
  return {
    sweeps: [{ name: 'relay', everyMs: SWEEP_EVERY_MS, run: () => plane.sweep() }, ...(tokens ? [tokens.sweep] : [])],
    failed: db.failed,
    async listen() {
      const port = await listen(plane.server, config.relayListen)
      return withPort(config.relayOrigin ?? originOf(config.relayListen), port)
    },
    drain: () => plane.close(),
    close: () => db.close(),
  }
}

/** Open the index of the relay, which is made if nothing is there. @throws StorageUnusable */
export function openRelayDatabase(config: Config): Database {
  const directory = relayDirectory(config)
  const create = config.init || isEmptyDirectory(directory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return openSqlite({ ...relayFile(config), create })
}

/** Look at the index of the relay without changing it, also while a server has it open. @throws StorageUnusable */
export function inspectRelayDatabase(config: Config): Inspection {
  return inspectSqlite({ ...relayFile(config), create: false })
}

function relayFile(config: Config): Omit<SqliteFile, 'create'> {
  const path = join(relayDirectory(config), 'relay.sqlite')
  return { path, applicationId: RELAY_APPLICATION_ID, migrations: relayMigrations }
}

function relayDirectory({ dataDirectory }: Config): string {
  return join(dataDirectory, 'relay')
}

/** A verifier that knows the keys of now, and the sweep that teaches it those to come. */
async function openTokens(
  keys: (isStart: boolean) => Promise<RelayTokenKeys>,
): Promise<{ verifier: LearningVerifier; sweep: Sweep }> {
  const verifier = createTokenVerifier(Date.now)
  const learn = async ({ isStart = false } = {}) => {
    const learnt = verifier.learn(await keys(isStart))
    const thisEpoch = relayTokenEpochAt(Date.now())
    if (!verifier.epochs().some(({ epoch }) => epoch === thisEpoch))
      throw new BadConfiguration(['--relay-token-keys: there are no keys of this week'])
    return learnt
  }
  await learn({ isStart: true })
  return { verifier, sweep: { name: 'relay-token-keys', everyMs: LEARN_EVERY_MS, run: () => learn() } }
}

function keysFrom(config: Config): (isStart: boolean) => Promise<RelayTokenKeys> {
  const keptIn = join(config.dataDirectory, 'relay-token-keys.json')
  return async (isStart) => {
    try {
      return await readTokenKeys(config.relayTokenKeys ?? '', { keptIn, mayBeKept: isStart })
    } catch (error) {
      throw error instanceof NoTokenKeys ? new BadConfiguration([`--relay-token-keys: ${error.message}`]) : error
    }
  }
}
