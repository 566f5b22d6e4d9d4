import { findDaemon } from '../private/daemon-lock.ts'
import { type LoggedRun, listLogs, readLog, STREAMS, type Stream, sizeOfLog } from '../private/job-logs.ts'
import { findVault } from '../private/vault.ts'
import { CliError } from './cli-error.ts'

/** A run of a command of the daemon whose log is kept. `outcome` is `running` while it runs, `interrupted` if the daemon ended under it. */
export interface ShownLog {
  readonly assignmentId: string
  readonly kind: LoggedRun['kind']
  readonly attempt: number
  readonly startedAtMs: number
  readonly endedAtMs?: number
  readonly outcome: string
  /** What it takes on disk, bytes. */
  readonly bytes: number
}

/** The same with what was printed, in its order. `complete`: the run has ended and nothing of what was kept is missing. */
export interface ReadLog extends ShownLog {
  readonly complete: boolean
  readonly printed: readonly Printed[]
}

export interface Printed {
  readonly stream: Stream
  readonly text: string
}

/** @param directory - The profile's. @returns The runs whose logs are kept, the latest first. Nothing is asked of the platform. */
export function listJobLogs(directory: string): ShownLog[] {
  using kept = openLogs(directory)
  return kept?.list().map(({ shown }) => shown) ?? []
}

/**
 * What the runs for an assignment printed, the first run first. A run that goes on has printed what it has so far.
 *
 * @throws CliError `not_found` if no log of it is kept.
 */
export function readJobLogs(
  directory: string,
  { assignmentId, attempt }: { assignmentId: string; attempt?: number | undefined },
): ReadLog[] {
  using kept = openLogs(directory)
  const runs = kept?.list(assignmentId).filter(({ shown }) => attempt === undefined || shown.attempt === attempt) ?? []
  if (!kept || runs.length === 0)
    throw new CliError('not_found', 'no log of that is kept here', { hint: '`daemon logs` lists those that are' })
  return runs.toReversed().map(({ run, shown }) => {
    const { printed, isWhole } = kept.read(run)
    return { ...shown, complete: isWhole, printed: toTexts(printed) }
  })
}

/** Pieces of one stream that follow one another are one text; a character may lie across two pieces. */
function toTexts(pieces: readonly { stream: Stream; bytes: Uint8Array }[]): Printed[] {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  const texts: { stream: Stream; text: string }[] = []
  const take = (stream: Stream, text: string) => {
    const last = texts.at(-1)
    if (last?.stream === stream) last.text += text
    else if (text !== '') texts.push({ stream, text })
  }
  for (const { stream, bytes } of pieces) take(stream, decoders[stream].decode(bytes, { stream: true }))
  for (const stream of STREAMS) take(stream, decoders[stream].decode())
  return texts
}

/** The logs of a profile; `undefined` if it has none. */
function openLogs(directory: string) {
  const vault = findVault(directory)
  if (!vault) return undefined
  const isRunning = findDaemon(directory) !== undefined
  return {
    list: (assignmentId?: string) =>
      listLogs(vault, assignmentId).map((run) => ({ run, shown: toShown(run, { bytes: sizeOfLog(directory, run), isRunning }) })),
    read: (run: LoggedRun) => readLog(vault, directory, run),
    [Symbol.dispose]: () => vault.close(),
  }
}

function toShown(
  { assignmentId, kind, attempt, startedAtMs, endedAtMs, outcome }: LoggedRun,
  { bytes, isRunning }: { bytes: number; isRunning: boolean },
): ShownLog {
  return {
    assignmentId,
    kind,
    attempt,
    startedAtMs,
    ...(endedAtMs !== undefined && { endedAtMs }),
    outcome: outcome ?? (isRunning ? 'running' : 'interrupted'),
    bytes,
  }
}
