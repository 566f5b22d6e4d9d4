import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { type Cluster, startCluster } from './postgres-cluster.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A socket file: whoever connects is sent the address of a fresh database, which lives as long as the connection. */
    postgresSocket: string
  }
}

/** One PostgreSQL for a whole test run. It starts with the first test that asks for it, so a run without such a test pays nothing. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'postgres-setup-'))
  const path = join(directory, 'socket')
  let cluster: Promise<Cluster> | undefined
  const server = createServer((socket) => {
    cluster ??= startCluster()
    void lend(cluster, socket)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  project.provide('postgresSocket', path)
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', remove)
  return async () => {
    server.close()
    await (await cluster?.catch(() => undefined))?.stop()
    remove()
  }
}

async function lend(starting: Promise<Cluster>, socket: Socket): Promise<void> {
  socket.on('error', () => {})
  try {
    const cluster = await starting
    const address = await cluster.createDatabase()
    socket.on('close', () => void cluster.dropDatabase(address).catch(() => {}))
    socket.write(JSON.stringify({ address }))
  } catch (error) {
    socket.write(JSON.stringify({ problem: error instanceof Error ? error.message : 'unknown' }))
  }
}
