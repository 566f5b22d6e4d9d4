import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { FEED_WAIT_MAX_S } from '@agent-marketplace/protocol'
import { originOf, withPort } from './address.ts'
import type { Config } from './config.ts'
import { isEmptyDirectory } from './data-directory.ts'
import { listen } from './listen.ts'
import type { Log } from './log.ts'
import type { Plane } from './plane.ts'
import { RELAY_APPLICATION_ID, relayMigrations } from './relay/migrations.ts'
import { createRelayPlane } from './relay/plane.ts'
import { openSqlite } from './storage/sqlite.ts'

const FEED_TICK_MS = 1_000
/** Bytes expire within 60 s of their hour. */
const SWEEP_EVERY_MS = 30_000
const CAP_BYTES = 10 * 1024 ** 3

export interface RelayPlane extends Plane {
  /** @returns what clients call this plane. */
  listen(): Promise<string>
}

/**
 * Open the relay over its own files beside those of the control plane; it does not listen yet.
 *
 * @throws StorageUnusable.
 */
export async function openRelayPlane(config: Config, log: Log): Promise<RelayPlane> {
  const directory = join(config.dataDirectory, 'relay')
  const create = config.init || isEmptyDirectory(directory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const db = openSqlite({
    path: join(directory, 'relay.sqlite'),
    applicationId: RELAY_APPLICATION_ID,
    migrations: relayMigrations,
    create,
  })
  const plane = await createRelayPlane({
    db,
    blobDirectory: join(directory, 'blobs'),
    feedTickMs: FEED_TICK_MS,
    feedWaitMaxS: FEED_WAIT_MAX_S,
    capBytes: CAP_BYTES,
    tokens: 'off',
    now: Date.now,
    onFault: (stack) => log.error('relay.fault', { stack }),
  })
  return {
    sweeps: [{ name: 'relay', everyMs: SWEEP_EVERY_MS, run: () => plane.sweep() }],
    async listen() {
      const port = await listen(plane.server, config.relayListen)
      return withPort(config.relayOrigin ?? originOf(config.relayListen), port)
    },
    drain: () => plane.close(),
    close: () => db.close(),
  }
}
