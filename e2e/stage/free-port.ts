import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** @returns a port of the loopback address that nothing listens on: for a server that must be there again, at the same one, after a restart. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
