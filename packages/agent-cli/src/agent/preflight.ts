import { basename } from 'node:path'
import type { Assignment } from '@agent-marketplace/protocol'
import { detectIsolation } from '../review/isolation.ts'
import type { Report } from '../review/report.ts'
import { runChecks } from '../review/run-checks.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { findOrder } from './find-order.ts'
import { toRunnable } from './judge-work.ts'

const CHECKS_NAMED = 5

/**
 * Run the validators of an order over files that are about to be handed in, on this machine, as a reviewer will. Tests of the order run in isolation only,
 * and not at all where there is none.
 *
 * @returns `undefined` if there is no order here, or nothing in it to check by.
 */
export async function checkOwnWork(
  agent: Agent,
  assignment: Pick<Assignment, 'assignmentId' | 'buyerId'>,
  { files, signal }: { files: readonly string[]; signal?: AbortSignal | undefined },
): Promise<Report | undefined> {
  const { schema, rules, tests } = findOrder(agent, assignment)?.document.validators ?? {}
  const canTest = tests !== undefined && (await detectIsolation()) !== 'none'
  if (schema === undefined && rules === undefined && !canTest) return undefined
  return runChecks({
    validators: toRunnable({
      ...(schema !== undefined && { schema }),
      ...(rules !== undefined && { rules }),
      ...(canTest && { tests }),
    }),
    files: files.map((path) => ({ name: basename(path), path })),
    hide: [agent.profile.directory],
    ...(signal && { signal }),
  })
}

/** What is wrong with work that reviewers would not let pass, in a line; `undefined` if it may pass, also when a validator could not run. */
export function describeFlaws(report: Report | undefined): string | undefined {
  if (report?.outcome === 'invalid_format') return report.reason ?? 'it is not in the format that was ordered'
  if (report?.outcome !== 'failed') return undefined
  const failed = report.checks.filter(({ passed }) => !passed)
  const named = failed.slice(0, CHECKS_NAMED).map(({ name, reason }) => (reason === undefined ? name : `${name}: ${reason}`))
  const more = failed.length > CHECKS_NAMED ? [`and ${failed.length - CHECKS_NAMED} more`] : []
  return [...named, ...more].join('; ')
}

/** @throws CliError `wrong_state` if reviewers would not let it pass. */
export async function refuseFlawed(...work: Parameters<typeof checkOwnWork>): Promise<void> {
  const flaws = describeFlaws(await checkOwnWork(...work))
  if (flaws !== undefined)
    throw new CliError('wrong_state', `the work does not pass the validators of its order: ${flaws}`, {
      hint: 'mend it, or hand it in all the same: unchecked',
    })
}
