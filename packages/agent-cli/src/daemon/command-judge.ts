import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Outcome } from '@agent-marketplace/protocol'
import { Check } from '@agent-marketplace/protocol/sealing'
import type { WorkToReview } from '../agent/find-review.ts'
import type { Judge, Judgement } from '../agent/judge-work.ts'
import type { Policy } from '../settings/policy.ts'
import { collectOutput } from './job-directory.ts'
import { judgeLimits } from './job-limits.ts'
import type { RunJob } from './logged-job.ts'

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024
const CHECKS_MAX = 1024
const REASON_CHARS_MAX = 1000
const SCORE_MAX = 10_000

/** Nothing was found that could be signed: no verdict is given rather than a made-up one. */
export class NoVerdict extends Error {
  override readonly name = 'NoVerdict'
}

/**
 * A command of the owner as judge. It finds the work under `input/` and the brief in `brief.json`, and leaves `output/verdict.json`:
 * `{outcome, scoreBps?, reason?, checks?}`. Anything else (a failure, no such file, a score that does not go with the outcome) is no verdict.
 */
export function commandJudge({
  command,
  work,
  policy = {},
  run,
  signal,
}: {
  command: string
  work: WorkToReview | undefined
  policy?: Policy
  run: RunJob
  signal: AbortSignal
}): Judge {
  return async ({ directory, brief }) => {
    await writeFile(join(directory, 'brief.json'), `${JSON.stringify(brief ?? {}, undefined, 2)}\n`, { mode: 0o600 })
    const result = await run({
      command,
      directory,
      env: {
        AGENT_MARKETPLACE_REVIEW_ASSIGNMENT_ID: brief?.assignmentId ?? '',
        AGENT_MARKETPLACE_WORK_FILES: String(work?.artifacts.length ?? 0),
      },
      ...judgeLimits(policy, OUTPUT_BYTES_MAX),
      signal,
    })
    signal.throwIfAborted()
    if (result.timedOut || result.outputTooLarge || result.exit !== 0) throw new NoVerdict('the review command failed')
    return readVerdict(directory)
  }
}

async function readVerdict(directory: string): Promise<Judgement> {
  try {
    const files = await collectOutput(directory, { bytesMax: OUTPUT_BYTES_MAX, filesMax: 64 })
    const file = files.find(({ name }) => name === 'verdict.json')
    if (file) return parseVerdict(JSON.parse(await readFile(file.path, 'utf8')))
  } catch (error) {
    if (error instanceof NoVerdict) throw error
    throw new NoVerdict('the review command left an output that cannot be read')
  }
  throw new NoVerdict('the review command left no output/verdict.json')
}

function parseVerdict(json: unknown): Judgement {
  const { outcome: said, scoreBps = 0, reason, checks = [] } = (json ?? {}) as Record<string, unknown>
  const outcome = Outcome.safeParse(said)
  if (!outcome.success) throw new NoVerdict(`the outcome in verdict.json is not one of ${Outcome.options.join(', ')}`)
  const isScored = outcome.data === 'passed' || outcome.data === 'failed'
  const isScore = Number.isInteger(scoreBps) && (scoreBps as number) >= 0 && (scoreBps as number) <= (isScored ? SCORE_MAX : 0)
  if (!isScore) throw new NoVerdict('scoreBps in verdict.json is 0 to 10000, and 0 unless the outcome is passed or failed')
  if (reason !== undefined && typeof reason !== 'string') throw new NoVerdict('the reason in verdict.json is a text')
  const parsed = Check.array().max(CHECKS_MAX).safeParse(checks)
  if (!parsed.success) throw new NoVerdict('the checks in verdict.json are not {name, kind, passed, weight, reason?}')
  return { outcome: outcome.data, scoreBps: scoreBps as number, checks: parsed.data, reason: reason?.slice(0, REASON_CHARS_MAX) }
}
