import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { type Listening, listenOnLoopback, type Serve } from '../loopback/listen.ts'
import { createServer } from './server.ts'
import type { McpContext } from './tool.ts'

/** Where the endpoint is, below the origin. */
const MCP_PATH = '/mcp'
/** Tool arguments name files, they do not hold them. */
const REQUEST_BYTES_MAX = 1024 * 1024

/** Serve the client that started this process. Current clients and those that open with `initialize` are both understood. @returns when it is gone, or on `signal`. */
export async function serveClient(context: McpContext, signal: AbortSignal): Promise<void> {
  const gone = Promise.withResolvers<void>()
  const { stdin } = process
  for (const event of ['end', 'close'] as const) stdin.once(event, () => gone.resolve())
  signal.addEventListener('abort', () => gone.resolve())
  const connection = serveStdio(() => createServer(context))
  await gone.promise
  await connection.close()
}

/** Serve clients of this machine that know the secret, over Streamable HTTP. */
export function listenForClients(
  context: McpContext,
  { address, secret }: { address: string; secret: string },
): Promise<Listening> {
  const handler = createMcpHandler(() => createServer(context), { maxRequestBodySize: REQUEST_BYTES_MAX })
  // Its types say of requests what `exactOptionalPropertyTypes` does not let Node's say.
  return listenOnLoopback({ address, secret, path: MCP_PATH, serve: toNodeHandler(handler) as Serve })
}
