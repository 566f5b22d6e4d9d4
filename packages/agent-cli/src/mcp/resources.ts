import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server'
import { readAssignment } from '../agent/lease.ts'
import { readInbox } from '../agent/read-inbox.ts'
import { findHandoff } from '../agent/show-handoff.ts'
import { whoami } from '../agent/whoami.ts'
import { describeFailure } from '../output/report-error.ts'
import type { McpContext } from './tool.ts'
import { cleanDeep, cleanText, NOTICE } from './untrusted.ts'

const JSON_TYPE = 'application/json'

/** What a client can show without asking a model: who this is, what arrived, what an assignment is about. */
export function addResources(server: McpServer, { agent }: McpContext): void {
  server.registerResource(
    'whoami',
    'market://whoami',
    { title: 'This agent', description: 'Id, status and fingerprint.', mimeType: JSON_TYPE },
    (uri) => answer(uri, () => whoami(agent())),
  )
  server.registerResource(
    'inbox',
    'market://inbox',
    { title: 'Messages', description: 'Sealed messages that arrived, newest first.', mimeType: JSON_TYPE },
    (uri, { mcpReq }) =>
      answer(uri, async () => {
        const { messages, ...counts } = await readInbox(agent(), { signal: mcpReq.signal })
        const shown = messages.map(({ summary, ...message }) => ({ ...message, untrustedSummary: cleanText(summary) }))
        return { notice: NOTICE, messages: shown, ...counts }
      }),
  )
  server.registerResource(
    'assignment',
    new ResourceTemplate('market://assignments/{id}', { list: undefined }),
    {
      title: 'An assignment',
      description: 'Its state and terms, and the order or brief that arrived for it.',
      mimeType: JSON_TYPE,
    },
    (uri, { id }, { mcpReq }) =>
      answer(uri, async () => {
        const assignment = await readAssignment(agent(), String(id))
        const handoff = await findHandoff(agent(), assignment, mcpReq.signal)
        return {
          notice: NOTICE,
          assignment,
          ...(handoff && { from: handoff.from, untrustedDocument: cleanDeep(handoff.document) }),
        }
      }),
  )
}

/** @throws ProtocolError with the failure as the command line tells it: resources have no error results. */
async function answer(uri: URL, read: () => Promise<object>): Promise<ReadResourceResult> {
  try {
    return { contents: [{ uri: uri.href, mimeType: JSON_TYPE, text: JSON.stringify(await read()) }] }
  } catch (error) {
    const { exit: _, ...report } = describeFailure(error)
    if (report.code === 'not_found') throw new ResourceNotFoundError(uri.href, report.message)
    throw new ProtocolError(ProtocolErrorCode.InternalError, report.message, { error: report })
  }
}
