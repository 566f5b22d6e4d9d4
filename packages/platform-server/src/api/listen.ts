import { once } from 'node:events'
import type { Server } from 'node:net'
import type { Address } from '../address.ts'

/**
 * Bind a server.
 *
 * @returns the port, which is a free one where 0 was asked for.
 * @throws the error of the operating system: the address is taken, foreign or forbidden.
 */
export async function listen(server: Server, { host, port }: Address): Promise<number> {
  server.listen({ host, port, backlog: BACKLOG })
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address ? address.port : port
}
/** Connections that wait to be accepted; agents that all come back after a restart come at once. */
const BACKLOG = 4_096
