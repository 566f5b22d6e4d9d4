import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outcome } from '@agent-marketplace/protocol'
import type { Check, DocumentOf, Validators } from '@agent-marketplace/protocol/sealing'
import { prepareJobDirectory } from '../daemon/job-directory.ts'
import type { ResultFile, Validators as RunnableValidators } from '../review/report.ts'
import { runChecks } from '../review/run-checks.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { ContentError } from './content-error.ts'
import { fetchFiles } from './fetch-files.ts'
import type { ReviewParties, WorkToReview } from './find-review.ts'

/** The most a reviewer downloads for one review. */
const REVIEW_BYTES_MAX = 4 * 1024 ** 3

/** What a judge found. `scoreBps` is 0 unless the outcome is `passed` or `failed`. */
export interface Judgement {
  readonly outcome: Outcome
  readonly scoreBps: number
  readonly checks: Check[]
  readonly reason?: string | undefined
}

/** Whoever looks at downloaded work; must not throw for anything the work or the brief contains. */
export type Judge = (work: {
  directory: string
  files: readonly ResultFile[]
  brief: DocumentOf<'review.brief'> | undefined
}) => Promise<Judgement>

/** The validators of the brief, run on this machine. */
export function validatorJudge({ hide, signal }: { hide: readonly string[]; signal?: AbortSignal | undefined }): Judge {
  return async ({ files, brief }) => {
    const { outcome, scoreBps, checks, reason } = await runChecks({
      validators: toRunnable(brief?.validators ?? {}),
      files,
      hide,
      ...(signal && { signal }),
    })
    return { outcome, scoreBps, checks, reason }
  }
}

/**
 * Download work and have it judged, in a directory of its own that is removed afterwards. Work that cannot be had, or is not what was announced, is a
 * judgement too; a relay that does not answer is not.
 *
 * @throws CliError `unreachable` and the like.
 */
export async function judgeWork(
  agent: Agent,
  { review }: ReviewParties,
  material: { work: WorkToReview; brief: DocumentOf<'review.brief'> | undefined },
  { judge, signal }: { judge: Judge; signal?: AbortSignal | undefined },
): Promise<Judgement> {
  const { artifacts } = material.work
  const bytes = artifacts.reduce((sum, artifact) => sum + artifact.bytes, 0)
  if (bytes > REVIEW_BYTES_MAX) return trouble('inconclusive', `the work has ${bytes} bytes, more than is looked at here`)

  const { directory, input } = await prepareJobDirectory(join(agent.profile.directory, 'reviews'), review.assignmentId)
  try {
    const files = await fetchFiles(agent, { artifacts, directory: input, signal })
    return await judge({ directory, files, brief: material.brief })
  } catch (error) {
    if (error instanceof ContentError) return trouble(error.fault, error.message)
    // Names nobody may write to a disk.
    if (error instanceof CliError && error.code === 'usage') return trouble('content_mismatch', error.message)
    throw error
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function trouble(outcome: Outcome, reason: string): Judgement {
  return { outcome, scoreBps: 0, checks: [], reason }
}

/** `runChecks` parses each validator again, so a shape is all it needs to be given. */
export function toRunnable(validators: Validators): RunnableValidators {
  return validators as RunnableValidators
}
