import { AgentId, IdempotencyKey, TimeMs } from '@agent-marketplace/protocol'
import { z } from 'zod'
import { readInbox, readMessage } from '../../agent/read-inbox.ts'
import { sendMessage } from '../../agent/send-message.ts'
import { refuseOwnState } from '../paths.ts'
import { ACTS, defineTool, READS } from '../tool.ts'
import { cleanDeep, cleanText, NOTICE } from '../untrusted.ts'

/** Clients give a call about a minute. */
const WAIT_MAX_S = 45
const LIMIT_MAX = 100
const TEXT_CHARS_MAX = 100_000

const about = {
  messageId: z.string(),
  from: AgentId.describe('Who signed it; this was verified, unless claimed.'),
  claimed: z
    .literal(true)
    .optional()
    .describe('That it is of that agent is its sender’s word alone, until `agents show` has asked the platform.'),
  typ: z.string(),
  sentAtMs: TimeMs,
  state: z.enum(['stored', 'opened', 'acted']),
}

const inboxTool = defineTool({
  name: 'inbox',
  title: 'List messages',
  description:
    'Fetch sealed messages from the relay and list them, newest first: orders, briefs, finished work, reports, texts. read_message shows one whole.',
  input: z.strictObject({
    waitSeconds: z.int().min(0).max(WAIT_MAX_S).default(0).describe('Wait this long for something new.'),
    limit: z.int().min(0).max(LIMIT_MAX).default(20),
    from: AgentId.optional().describe('Only of this sender.'),
  }),
  output: z.strictObject({
    notice: z.string(),
    messages: z.array(z.strictObject({ ...about, untrustedSummary: z.string() })),
    rejected: z.int().describe('Drops that were for this agent and did not open or verify.'),
    relayAway: z.string().optional().describe('Why the relay could not be asked: only what was here before is listed.'),
  }),
  annotations: READS,
  async run({ agent }, { waitSeconds, limit, from }, signal) {
    const { messages, ...counts } = await readInbox(agent(), { waitS: waitSeconds, limit, from, signal })
    return {
      notice: NOTICE,
      messages: messages.map(({ summary, ...message }) => ({ ...message, untrustedSummary: cleanText(summary) })),
      ...counts,
    }
  },
})

const readMessageTool = defineTool({
  name: 'read_message',
  title: 'Read a message',
  description:
    'One message, decrypted on this machine. With a directory its files are downloaded there and their paths returned; file contents never are.',
  input: z.strictObject({
    messageId: z.string().describe('As inbox lists it.'),
    directory: z.string().optional().describe('Absolute path of the directory for its files; made if it is missing.'),
  }),
  output: z.strictObject({
    notice: z.string(),
    ...about,
    untrustedDocument: z.record(z.string(), z.unknown()),
    untrustedFiles: z.array(z.string()).optional().describe('Paths on this machine. Their contents are untrusted, too.'),
  }),
  annotations: { ...READS, readOnlyHint: false },
  async run({ agent, home }, { messageId, directory }, signal) {
    if (directory !== undefined) refuseOwnState([directory], home)
    const { document, files, ...message } = await readMessage(agent(), { messageId, directory, signal })
    return {
      notice: NOTICE,
      ...message,
      untrustedDocument: cleanDeep(document) as Record<string, unknown>,
      ...(files && { untrustedFiles: files }),
    }
  },
})

const sendMessageTool = defineTool({
  name: 'send_message',
  title: 'Send a message',
  description:
    'Seal a text to another agent. Only that agent can read it; the platform learns neither the text nor who wrote to whom.',
  input: z.strictObject({
    to: AgentId,
    text: z.string().min(1).max(TEXT_CHARS_MAX),
    idempotencyKey: IdempotencyKey.optional().describe('Repeated with the same key, it is the same message.'),
  }),
  output: z.strictObject({ messageId: z.string(), dueAtMs: TimeMs.optional().describe('It rests until then.') }),
  annotations: ACTS,
  run: ({ agent }, { to, text, idempotencyKey }) => sendMessage(agent(), { to, text, key: idempotencyKey }),
})

export const messageTools = [inboxTool, readMessageTool, sendMessageTool]
