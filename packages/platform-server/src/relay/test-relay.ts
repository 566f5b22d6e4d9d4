import { once } from 'node:events'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../storage/database.ts'
import { openSqlite } from '../storage/sqlite.ts'
import { openBlobFiles } from './blob-files.ts'
import { RELAY_APPLICATION_ID, relayMigrations } from './migrations.ts'
import { createRelayPlane, type RelayOptions, type RelayPlane } from './plane.ts'

/** A relay for tests: over real HTTP, on a free port of the loopback, with real files and its real index. */
export interface TestRelay extends AsyncDisposable {
  readonly origin: string
  readonly port: number
  readonly db: Database
  readonly plane: RelayPlane
  readonly directory: string
  /** What `onFault` was told. */
  readonly faults: string[]
  /** Close it and open it again over the same files, at a new port. */
  restart(): Promise<TestRelay>
  /** Restart it, and copy all its files meanwhile. `putBack` puts the copy in their place and opens that. */
  backUp(): Promise<TestRelay & { putBack(): Promise<TestRelay> }>
}

export type TestRelayOptions = Partial<Pick<RelayOptions, 'blobs' | 'capBytes' | 'tokens' | 'now' | 'feedTickMs'>>

export async function startTestRelay(options: TestRelayOptions = {}): Promise<TestRelay> {
  return startIn(await mkdtemp(join(tmpdir(), 'relay-')), options)
}

async function startIn(directory: string, options: TestRelayOptions): Promise<TestRelay> {
  const path = join(directory, 'relay.sqlite')
  const db = openSqlite({ path, applicationId: RELAY_APPLICATION_ID, migrations: relayMigrations, create: true })
  const faults: string[] = []
  const plane = await createRelayPlane({
    db,
    blobs: options.blobs ?? (await openBlobFiles(join(directory, 'blobs'), options.now ?? Date.now)),
    feedTickMs: 20,
    feedWaitMaxS: 60,
    capBytes: 256 * 1024 * 1024,
    tokens: 'off',
    now: Date.now,
    onFault: (fault) => faults.push(fault),
    ...options,
  })
  plane.server.listen(0, '127.0.0.1')
  await once(plane.server, 'listening')
  const { port } = plane.server.address() as AddressInfo

  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= plane.close().then(() => db.close())
    return stopped
  }
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    db,
    plane,
    directory,
    faults,
    async restart() {
      await stop()
      return startIn(directory, options)
    },
    async backUp() {
      await stop()
      const copy = `${directory}.copy`
      await cp(directory, copy, { recursive: true })
      const again = await startIn(directory, options)
      return {
        ...again,
        async putBack() {
          await again.plane.close()
          await again.db.close()
          await rm(directory, { recursive: true })
          await rename(copy, directory)
          return startIn(directory, options)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export interface TestAnswer {
  readonly status: number
  /** Names and values as they came. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** One request on a connection of its own, with exactly these headers beside Host, Connection and Content-Length. */
export async function call(
  origin: string,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string | string[]>; body?: Uint8Array } = {},
): Promise<TestAnswer> {
  const req = request(origin + path, {
    method,
    headers: { ...headers, ...(body && { 'content-length': body.length }) },
    agent: false,
  })
  req.end(body)
  const [res] = await once(req, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of res) chunks.push(chunk)
  return { status: res.statusCode, headers: res.rawHeaders, body: Buffer.concat(chunks) }
}
