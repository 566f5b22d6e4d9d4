import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What becomes of a COMMIT: done but not answered, never received, or received after the caller was told that the connection is gone. */
export type Cut = 'unanswered' | 'unsent' | 'late'

export interface PostgresProxy extends AsyncDisposable {
  /** The address of the same database through this proxy. */
  readonly address: string
  /** Let everybody in. */
  open(): Promise<void>
  /** Do this to the next COMMIT of a transaction that writes. */
  cutNext(cut: Cut): void
  /** From now on nothing gets through on the connections there are, and nobody is told, as when the network loses every packet. New ones work. */
  fallSilent(): void
}

const BEGIN = 'BEGIN ISOLATION LEVEL'
const BEGIN_WRITE = `${BEGIN} READ COMMITTED`
const COMMIT = 'COMMIT\0'
const SOCKET = '.s.PGSQL.5432'
const LATE_MS = 150

/**
 * Stand between a server and its database and cut connections at the worst moment.
 *
 * @param isAwaited - Whether it lets nobody in before `open`.
 */
export async function openProxy(database: string, { isAwaited = false } = {}): Promise<PostgresProxy> {
  const directory = mkdtempSync(join(tmpdir(), 'proxy-'))
  const url = new URL(database)
  const behind = join(url.searchParams.get('host') ?? '', SOCKET)
  const sockets = new Set<Socket>()
  let generation = 0
  let next: Cut | undefined
  const proxy = createServer((client) => {
    const server = connect(behind)
    for (const socket of [client, server]) sockets.add(socket.on('error', () => {}))
    const mine = generation
    const isSilent = () => mine !== generation
    server.on('data', (bytes) => isSilent() || client.write(bytes))
    server.on('close', () => isSilent() || client.destroy())
    let writes = false
    client.on('data', (bytes) => {
      if (isSilent()) return
      if (bytes.includes(BEGIN)) writes = bytes.includes(BEGIN_WRITE)
      const cut = writes && bytes.includes(COMMIT) ? next : undefined
      if (!cut) return server.write(bytes)
      next = undefined
      client.destroy()
      if (cut === 'unsent') server.destroy()
      else setTimeout(() => server.end(bytes), cut === 'late' ? LATE_MS : 0)
    })
    client.on('end', () => server.end())
  })
  const open = () => new Promise<void>((resolve) => proxy.listen(join(directory, SOCKET), resolve))
  if (!isAwaited) await open()
  url.searchParams.set('host', directory)
  return {
    address: url.href,
    open,
    cutNext: (cut) => {
      next = cut
    },
    fallSilent: () => {
      generation++
    },
    async [Symbol.asyncDispose]() {
      proxy.close()
      for (const socket of sockets) socket.destroy()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
