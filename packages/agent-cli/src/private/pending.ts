import { randomUUID } from 'node:crypto'
import { IDEMPOTENCY_KEPT_MS } from '@agent-marketplace/protocol'
import { sha256 } from '@agent-marketplace/protocol/signing'
import { CliError, withIdempotencyKey } from '../agent/cli-error.ts'
import type { Vault } from './vault.ts'

/** A mutation about to be sent. */
export interface Intent<Input> {
  readonly procedure: string
  /** Sent under the key. After a lost reply the input of the first try is sent again, so it may hold a time or a signature. */
  readonly input: Input
  /** What makes two commands the same one; the input if not given. */
  readonly sameAs?: unknown
  /** The user's own key (`--idempotency-key`). */
  readonly key?: string | undefined
}

interface PendingRow {
  key: string
  input: string
  owner: number | null
}

/** How long an unanswered call is taken up again, ms: a day less than the platform remembers its key. */
const TAKEN_UP_MS = IDEMPOTENCY_KEPT_MS - 86_400_000

/** Keys this process is waiting on. A row that names our pid but is not here belongs to a dead process that had the same one. */
const inFlight = new Set<string>()

/**
 * Send a mutation under an idempotency key that is on disk before the first byte leaves. While the answer is unknown (lost reply, kill)
 * the key and the input stay, and the same command takes them up again; an answer, also a refusal, removes them.
 * Two commands that run at the same time are two: a key whose process still waits is left alone.
 *
 * @throws CliError as `send` does; with `idempotencyKey` when the mutation may have happened.
 */
export async function withKey<Input, Reply>(
  sender: { readonly vault: Vault; readonly server: string; readonly now: () => number },
  intent: Intent<Input>,
  send: (key: string, input: Input) => Promise<Reply>,
): Promise<Reply> {
  const { vault } = sender
  const { key, input } = claim(sender, intent)
  inFlight.add(key)
  try {
    const reply = await send(key, input)
    vault.run('DELETE FROM pending WHERE key = ?', key)
    return reply
  } catch (error) {
    if (!mayHaveHappened(error)) {
      vault.run('DELETE FROM pending WHERE key = ?', key)
      throw error
    }
    vault.run('UPDATE pending SET owner = NULL WHERE key = ?', key)
    throw error instanceof CliError ? withIdempotencyKey(error, key) : error
  } finally {
    inFlight.delete(key)
  }
}

/** Take over the key of the same command if nobody waits for its answer any more, else note a new one. */
function claim<Input>(
  { vault, server, now }: { vault: Vault; server: string; now: () => number },
  { procedure, input, sameAs = input, key }: Intent<Input>,
): { key: string; input: Input } {
  const nowMs = now()
  const intent = sha256(new TextEncoder().encode(JSON.stringify([server, procedure, sameAs])))
  return vault.transaction(() => {
    vault.run('DELETE FROM pending WHERE at_ms < ?', nowMs - TAKEN_UP_MS)
    const rows =
      key === undefined
        ? vault.all<PendingRow>('SELECT key, input, owner FROM pending WHERE intent = ? ORDER BY at_ms', intent)
        : vault.all<PendingRow>('SELECT key, input, owner FROM pending WHERE key = ? AND intent = ?', key, intent)
    const abandoned = rows.find((row) => isAbandoned(row))
    if (abandoned) {
      vault.run('UPDATE pending SET owner = ? WHERE key = ?', process.pid, abandoned.key)
      return { key: abandoned.key, input: JSON.parse(abandoned.input) as Input }
    }
    const fresh = key ?? randomUUID()
    vault.run(
      'INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?)',
      fresh,
      intent,
      procedure,
      JSON.stringify(input),
      process.pid,
      nowMs,
    )
    return { key: fresh, input }
  })
}

function isAbandoned({ key, owner }: PendingRow): boolean {
  if (owner === null) return true
  if (owner === process.pid) return !inFlight.has(key)
  try {
    process.kill(owner, 0)
    return false
  } catch (error) {
    // EPERM: it lives and is somebody else's.
    return !(error instanceof Error && 'code' in error && error.code === 'EPERM')
  }
}

/** Whether a failed mutation may have been done all the same: an answer that says "no" settles it; silence, a fault and "try again" do not. */
export function mayHaveHappened(error: unknown): boolean {
  return !(error instanceof CliError) || UNSETTLED.has(error.code)
}

const UNSETTLED: ReadonlySet<string> = new Set([
  'unreachable',
  'bad_answer',
  'interrupted',
  'fault',
  'request_timeout',
  'idempotency_in_progress',
  'overloaded',
  'unavailable',
  'shutting_down',
  'storage_full',
  'rate_limited',
])
