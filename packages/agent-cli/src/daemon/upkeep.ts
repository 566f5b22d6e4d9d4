import { randomInt } from 'node:crypto'
import { deliverOutbox } from '../agent/deliver-outbox.ts'
import { drawAhead } from '../agent/draw-ahead.ts'
import { ensurePrekey } from '../agent/ensure-prekey.ts'
import { drawCoverPauseMs } from '../agent/handoff-delay.ts'
import { removeRead } from '../agent/remove-read.ts'
import { sealCover } from '../agent/send-cover.ts'
import { pruneLogs } from '../private/job-logs.ts'
import { nextDueAtMs } from '../private/outbox.ts'
import { dueRemovals, nextRemovalAtMs } from '../private/removals.ts'
import type { Daemon } from './daemon-context.ts'

const HOUR_MS = 3_600_000
/** How soon a drop that another process left in the outbox is looked for. */
const OUTBOX_EVERY_MS = 5_000
const REMOVALS_EVERY_MS = 60_000
const REMOVALS_APART_MS = 10_000

/** Keep a fresh prekey published. @returns when to look again, ms. */
export async function keepPrekey({ agent }: Daemon): Promise<number> {
  await ensurePrekey(agent)
  return HOUR_MS
}

/** Keep tokens for the relay in stock. @returns when to look again, ms. */
export async function keepTokens({ agent }: Daemon): Promise<number> {
  const dueAtMs = await drawAhead(agent)
  return Math.min(HOUR_MS, Math.max(0, dueAtMs - agent.now()))
}

/** Send what waits in the outbox, also what other processes of this profile left there. @returns when to look again, ms. */
export async function keepSending({ agent, emit, wake }: Daemon): Promise<number> {
  const { sent, refused } = await deliverOutbox(agent)
  if (sent.length > 0 && agent.handoff.delay !== 'none') wake()
  for (const messageId of refused) emit('warning', { code: 'drop_refused', messageId })
  const dueMs = (nextDueAtMs(agent.vault) ?? Number.POSITIVE_INFINITY) - agent.now()
  return Math.min(OUTBOX_EVERY_MS, Math.max(0, dueMs))
}

/** Have the relay forget one drop that was read, on a connection of its own; those overdue do not go in one burst. @returns when to look again, ms. */
export async function keepRemoving({ agent }: Daemon): Promise<number> {
  const [removal, ...others] = dueRemovals(agent.vault, agent.now())
  if (!removal) return Math.min(REMOVALS_EVERY_MS, Math.max(0, (nextRemovalAtMs(agent.vault) ?? Infinity) - agent.now()))
  await removeRead(agent, removal)
  return others.length === 0 ? 0 : randomInt(REMOVALS_APART_MS)
}

/** Forget logs that are old. @returns when to look again, ms. */
export async function keepLogs({ agent }: Daemon): Promise<number> {
  pruneLogs(agent.vault, agent.profile.directory, agent.now())
  return HOUR_MS
}

/** Send cover, if that is wanted, at random times. @returns when to look again, ms. */
export function createCover({ agent }: Daemon): () => Promise<number> {
  let dueAtMs = agent.now() + drawCoverPauseMs()
  return async () => {
    if (!agent.handoff.cover) return HOUR_MS
    if (agent.now() >= dueAtMs) {
      sealCover(agent)
      dueAtMs = agent.now() + drawCoverPauseMs()
    }
    return Math.max(0, dueAtMs - agent.now())
  }
}
