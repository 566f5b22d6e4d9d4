import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Assignment } from '@agent-marketplace/protocol'
import { ARTIFACTS_MAX, type DocumentOf, type SealedArtifact } from '@agent-marketplace/protocol/sealing'
import type { Agent } from '../agent/agent.ts'
import { fetchFiles } from '../agent/fetch-files.ts'
import { toOrderId } from '../agent/order-id.ts'
import { checkOwnWork, describeFlaws } from '../agent/preflight.ts'
import type { Message } from '../private/inbox.ts'
import type { Policy } from '../settings/policy.ts'
import type { ReportOnEarlier } from './earlier-reports.ts'
import { FileNameError, safeFileName } from './file-name.ts'
import { collectOutput, OutputError, prepareJobDirectory } from './job-directory.ts'
import { JOB_BYTES_MAX, type JobLimits } from './job-limits.ts'
import type { RunJob } from './logged-job.ts'

/** What an `order.decline` may say. */
const REASON_CHARS_MAX = 1000

/** The command did not make a result that can be handed over. Says nothing of what it printed: that stays on this machine. */
export class JobFault extends Error {
  override readonly name = 'JobFault'
}

/** What the command finds in `order.json`. */
interface OrderFile {
  orderId: string
  assignmentId: string
  attempt: number
  instructions: string
  /** Names of the files under `input/`. */
  files: string[]
  validators: DocumentOf<'order.offer'>['validators']
  /** What reviewers said of the attempts before. */
  reports: ReportOnEarlier[]
}

interface WorkRun {
  readonly command: string
  readonly assignment: Assignment
  readonly limits: JobLimits
  readonly run: RunJob
  readonly signal: AbortSignal
}

/** What is wrong with the input of an order, before any of it is fetched: too much of it, or names no disk should see. */
export function findOrderFault(artifacts: readonly SealedArtifact[], policy: Policy): string | undefined {
  const most = inputBytesMax(policy)
  if (artifacts.reduce((sum, { bytes }) => sum + bytes, 0) > most) return `the input is more than the ${most} bytes taken here`
  try {
    for (const { name } of artifacts) safeFileName(name)
    return undefined
  } catch (error) {
    if (error instanceof FileNameError) return error.message
    throw error
  }
}

function inputBytesMax({ maxInputBytes = JOB_BYTES_MAX }: Policy): number {
  return Math.min(maxInputBytes, JOB_BYTES_MAX)
}

/**
 * Make a fresh directory for a job: input files under `input/`, `order.json`, an empty `output/`.
 *
 * @param onDirectory - Told of the directory before anything is put into it.
 * @returns The directory. @throws as `fetchFiles`.
 */
export async function prepareWork(
  agent: Agent,
  {
    assignment,
    order,
    reports,
    policy,
    signal,
  }: { assignment: Assignment; order: Message<'order.offer'>; reports: ReportOnEarlier[]; policy: Policy; signal: AbortSignal },
  onDirectory: (directory: string) => void,
): Promise<string> {
  const { assignmentId, attempt } = assignment
  const { instructions, artifacts, validators } = order.document
  const { directory, input } = await prepareJobDirectory(join(agent.profile.directory, 'jobs'), assignmentId)
  onDirectory(directory)
  const files = await fetchFiles(agent, { artifacts, directory: input, bytesMax: inputBytesMax(policy), signal })
  const content: OrderFile = {
    orderId: toOrderId(order.hash),
    assignmentId,
    attempt,
    instructions,
    files: files.map(({ name }) => name),
    validators,
    reports,
  }
  await writeFile(join(directory, 'order.json'), `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 })
  return directory
}

/**
 * Run the command in a prepared directory.
 *
 * @returns How long it took, ms; there is at least one result file under `output/` then.
 * @throws JobFault if it fails, takes too long, writes too much or leaves nothing usable; the reason of `signal` if that is aborted.
 */
export async function runWork(directory: string, { command, assignment, limits, run, signal }: WorkRun): Promise<number> {
  const result = await run({
    command,
    directory,
    env: {
      AGENT_MARKETPLACE_ASSIGNMENT_ID: assignment.assignmentId,
      AGENT_MARKETPLACE_ATTEMPT: String(assignment.attempt),
    },
    ...limits,
    signal,
  })
  signal.throwIfAborted()
  if (result.timedOut) throw new JobFault('the command took too long')
  if (result.outputTooLarge) throw new JobFault('the command wrote too much')
  if (result.exit !== 0)
    throw new JobFault(
      result.exit === null ? `the command was ended by ${result.signal}` : `the command failed (exit ${result.exit})`,
    )
  await collectResults(directory)
  return result.durationMs
}

/** @throws JobFault if reviewers would not let the results pass. What is wrong is told, to this machine and the buyer: both have the order. */
export async function refuseFlawedResults(
  agent: Agent,
  assignment: Assignment,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<void> {
  const flaws = describeFlaws(await checkOwnWork(agent, assignment, { files: await collectResults(directory), signal }))
  signal.throwIfAborted()
  if (flaws !== undefined) throw new JobFault(`the result does not pass the validators: ${flaws}`.slice(0, REASON_CHARS_MAX))
}

/** The result files of a finished job, or `undefined` if they are not there any more. */
export async function listResults(directory: string | undefined): Promise<string[] | undefined> {
  if (directory === undefined) return undefined
  try {
    return await collectResults(directory)
  } catch (error) {
    if (error instanceof JobFault || (error instanceof Error && 'code' in error)) return undefined
    throw error
  }
}

async function collectResults(directory: string): Promise<string[]> {
  try {
    const files = await collectOutput(directory, { bytesMax: JOB_BYTES_MAX, filesMax: ARTIFACTS_MAX })
    if (files.length === 0) throw new JobFault('the command left nothing under output/')
    return files.map(({ path }) => path)
  } catch (error) {
    if (error instanceof OutputError || error instanceof FileNameError) throw new JobFault(error.message)
    throw error
  }
}
