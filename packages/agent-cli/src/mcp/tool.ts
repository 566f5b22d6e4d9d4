import type { CallToolResult, McpServer, StandardSchemaWithJSON, ToolAnnotations } from '@modelcontextprotocol/server'
import type { z } from 'zod'
import type { Agent } from '../agent/agent.ts'
import { usage } from '../agent/cli-error.ts'
import type { Chains } from '../agent/start-chain.ts'
import { describeFailure } from '../output/report-error.ts'

/** How many faults of the arguments an answer names. */
const ISSUES_MAX = 5

/** What the tools work with. */
export interface McpContext {
  readonly version: string
  /** The directory of all profiles: nothing in it is handed over, nothing is put into it. */
  readonly home: string
  /** Of all clients of this process. */
  readonly chains: Chains
  /** Opened at first use. @throws CliError `local_state` as long as there is no identity. */
  agent(): Agent
}

/** A tool is a shell like a command: it takes arguments, makes one call into `agent/` and says what came of it. */
export interface Tool<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: I
  readonly output: O
  readonly annotations: Required<Omit<ToolAnnotations, 'title'>>
  run(context: McpContext, input: z.output<I>, signal: AbortSignal): Promise<z.input<O>>
}

/** Only there to infer the types of one tool from its schemas. */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): Tool {
  return tool as unknown as Tool
}

/** Looks at this agent's own things or at the platform's public ones; nothing changes. */
export const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } as const
/** Changes something for others, once: repeated with the same arguments and key it does nothing more. */
export const ACTS = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true } as const
/** As `ACTS`, and cannot be taken back: it moves money or hands something out for good. */
export const DECIDES = { ...ACTS, destructiveHint: true } as const

export function addTool(server: McpServer, context: McpContext, tool: Tool): void {
  const { name, title, description, input, output, annotations } = tool
  server.registerTool(
    name,
    { title, description, inputSchema: unchecked(input), outputSchema: output, annotations },
    async (given, { mcpReq }) => {
      try {
        const result = await tool.run(context, parseArguments(input, given), mcpReq.signal)
        return { content: [text(result)], structuredContent: result }
      } catch (error) {
        return toolError(error)
      }
    },
  )
}

/** A failure as the command line tells it: code, message, hint. A result, not a protocol error: models read results. */
export function toolError(error: unknown): CallToolResult {
  const { exit: _, ...report } = describeFailure(error)
  return { content: [text({ error: report })], isError: true }
}

export function text(value: unknown): { type: 'text'; text: string } {
  return { type: 'text', text: JSON.stringify(value) }
}

/** The schema as clients see it, checked by `parseArguments`: the SDK would answer in its own words and without a code. */
function unchecked(schema: z.ZodObject): StandardSchemaWithJSON<unknown, unknown> {
  const standard = schema['~standard']
  return {
    '~standard': { version: 1, vendor: standard.vendor, jsonSchema: standard.jsonSchema, validate: (value) => ({ value }) },
  }
}

function parseArguments(schema: z.ZodObject, given: unknown): Record<string, unknown> {
  const parsed = schema.safeParse(given ?? {})
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues
    .slice(0, ISSUES_MAX)
    .map(({ path, message }) => `${path.length === 0 ? 'the arguments' : path.join('.')}: ${message}`)
  throw usage(`these arguments do not fit: ${faults.join('; ')}`)
}
