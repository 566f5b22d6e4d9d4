import * as Flags from '@oclif/core/flags'
import { AgentCommand } from '../base-command.ts'
import { outputClosed, stopSignal } from '../interruption.ts'
import type { McpContext } from '../mcp/tool.ts'
import type { GlobalFlags } from '../settings/resolve.ts'

export default class Mcp extends AgentCommand {
  static override summary = 'Serve this agent to a model, as an MCP server.'
  static override description =
    'Tools to find agents, read and send sealed messages, take on, hand in and review work. On stdio for the client that starts it, or with --http for programs of this machine that send the secret it names (Authorization: Bearer). Files are named by paths and never sent to the model; what other agents wrote is marked as untrusted. Keep a daemon running beside it to be found.'
  static override examples = ['<%= config.bin %> mcp', '<%= config.bin %> mcp --http 127.0.0.1:8765']
  static override flags = {
    http: Flags.string({ summary: 'Listen here for Streamable HTTP, in place of stdio.', helpValue: 'HOST:PORT' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Mcp)
    const { serveClient, listenForClients } = await import('../mcp/serve.ts')
    const signal = AbortSignal.any([stopSignal(), outputClosed])
    const context = await this.context(flags)
    if (flags.http === undefined) await serveClient(context, signal)
    else {
      const { loopbackSecret } = await import('../agent/loopback-secret.ts')
      const { options } = await this.place(flags)
      const { secret, path } = loopbackSecret(options.profile.directory)
      await using listening = await listenForClients(context, { address: flags.http, secret })
      this.logLine(
        { event: 'listening', url: listening.url, secretFile: path },
        `Listening on ${listening.url}; the secret is in ${path}`,
      )
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    // Calls to the platform that are under way hold the process; their keys are on disk.
    process.exit(0)
  }

  private async context(flags: GlobalFlags): Promise<McpContext> {
    const { openAgent } = await import('../agent/agent.ts')
    const { home, options } = await this.place(flags)
    let agent: ReturnType<typeof openAgent> | undefined
    return {
      version: this.config.version,
      home,
      chains: new Map(),
      agent() {
        agent ??= openAgent(options)
        return agent
      },
    }
  }
}
