import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Running } from './process.ts'
import type { StagedAgent } from './stage.ts'

const CLI = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')

/** How a client meets the server: over which transport, and whether it opens with `initialize` as clients did until 2025. */
export interface Meeting {
  readonly transport: 'stdio' | 'http'
  readonly era: 'current' | 'initialize'
}

/** A model's end: the SDK's own client on an agent's `mcp`. */
export interface McpClient extends AsyncDisposable {
  readonly client: Client
  /** @returns `structuredContent`. @throws Error if the tool answered with an error. */
  // biome-ignore lint/suspicious/noExplicitAny: what a tool says is checked field by field by whoever reads it
  call(name: string, input?: object): Promise<any>
  /** Call a tool that must refuse. */
  refused(name: string, input?: object): Promise<{ code: string; message: string; hint?: string; idempotencyKey?: string }>
}

/** Start `mcp` for an agent and connect. */
export async function connectMcp(agent: StagedAgent, { transport, era }: Meeting, flags: string[] = []): Promise<McpClient> {
  const mode = era === 'current' ? { pin: '2026-07-28' } : 'legacy'
  const client = new Client({ name: 'e2e', version: '1.0.0' }, { versionNegotiation: { mode } })
  const env = { ...(process.env as Record<string, string>), ...agent.env }
  if (transport === 'stdio') {
    await client.connect(new StdioClientTransport({ command: CLI, args: ['mcp', ...flags], env, cwd: agent.home }))
    return { ...callers(client), [Symbol.asyncDispose]: () => client.close() }
  }
  const { server, url, secret } = await listenMcp(agent, flags)
  const requestInit = { headers: { authorization: `Bearer ${secret}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  return {
    ...callers(client),
    async [Symbol.asyncDispose]() {
      await client.close()
      await server.stop()
    },
  }
}

/** Start `mcp --http` on a free port. */
export async function listenMcp(agent: StagedAgent, flags: string[] = []) {
  const server = new Running(CLI, ['mcp', '--http', '127.0.0.1:0', ...flags, '--json'], { env: agent.env, cwd: agent.home })
  const { url, secretFile } = await server.line(({ event }) => event === 'listening')
  return { server, url: String(url), secret: readFileSync(String(secretFile), 'utf8').trim(), secretFile: String(secretFile) }
}

function callers(client: Client): Pick<McpClient, 'client' | 'call' | 'refused'> {
  const ask = async (name: string, input: object = {}) => {
    const { content, structuredContent, isError } = await client.callTool({ name, arguments: { ...input } })
    const [first] = content as { type: string; text: string }[]
    return { said: JSON.parse(first?.text ?? 'null'), structuredContent, isError: isError === true }
  }
  return {
    client,
    async call(name, input) {
      const { said, structuredContent, isError } = await ask(name, input)
      if (isError) throw new Error(`${name} → ${JSON.stringify(said)}`)
      if (JSON.stringify(said) !== JSON.stringify(structuredContent)) throw new Error(`${name} says two things`)
      return structuredContent
    },
    async refused(name, input) {
      const { said, isError } = await ask(name, input)
      if (!isError) throw new Error(`${name} was not refused: ${JSON.stringify(said)}`)
      return said.error
    },
  }
}
