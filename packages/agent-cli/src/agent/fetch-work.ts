import type { Assignment } from '@agent-marketplace/protocol'
import { findDocuments, type Message, markMessage } from '../private/inbox.ts'
import type { Agent } from './agent.ts'
import { awaitArrival } from './await-arrival.ts'
import { CliError } from './cli-error.ts'
import { ContentError } from './content-error.ts'
import { fetchFiles } from './fetch-files.ts'
import { assigneeOf, readReviews } from './handoff-parties.ts'
import { readAssignment } from './lease.ts'
import { receiveDrops } from './receive-drops.ts'
import type { OnProgress } from './seal-files.ts'
import { areSameContents, contentsSha256, type NamedContent } from './work-contents.ts'

export interface FetchedWork {
  readonly files: string[]
  /** Hex; of several files as `contentsSha256` says. */
  readonly sha256: string
}

/** Who has a say about the work of an assignment: its executor, and its reviewers in the executor's stead. */
interface Deliverers {
  readonly executor: string
  readonly all: ReadonlySet<string>
  readonly attempt: number | undefined
  readonly state: string
  /** Whether the keys must have left, or leave as soon as the executor looks. */
  readonly isReleased: boolean
}

/**
 * Fetch released work into a directory.
 *
 * @throws CliError `wrong_state` while its keys are not released, `forbidden` for the executor itself; ContentError if the files are gone, changed,
 *   or not those that were announced and reviewed.
 */
export async function fetchWork(
  agent: Agent,
  input: { assignmentId: string; directory: string; signal?: AbortSignal | undefined; onProgress?: OnProgress | undefined },
): Promise<FetchedWork> {
  const { assignmentId, directory, signal, onProgress } = input
  const assignment = await readIfParty(agent, assignmentId)
  await receiveDrops(agent, { signal })
  const deliverers = assignment ? await deliverersOf(agent, assignment) : soleDeliverer(agent, assignmentId)

  const keys = await awaitKeys(agent, assignmentId, deliverers, signal)
  if (keys.length === 0) throw notReleased(deliverers)
  const key = keys.find((each) => isAsReviewed(agent, each, deliverers))
  if (!key)
    throw new ContentError('content_mismatch', 'the files that were released are not the files that were announced and reviewed')

  const fetched = await fetchFiles(agent, { artifacts: key.document.artifacts, directory, signal, onProgress })
  markMessage(agent.vault, key.messageId, 'acted')
  return { files: fetched.map(({ path }) => path), sha256: contentsSha256(fetched) }
}

/** The keys that arrived, newest first. Those of released work are on their way: they are waited for. */
async function awaitKeys(
  agent: Agent,
  assignmentId: string,
  { all, attempt, isReleased }: Deliverers,
  signal: AbortSignal | undefined,
): Promise<Message<'work.key'>[]> {
  const find = () => {
    const keys = findDocuments(agent.vault, 'work.key', { assignmentId })
      .filter(({ from, document }) => all.has(from) && document.attempt === (attempt ?? document.attempt))
      .reverse()
    return keys.length === 0 ? undefined : keys
  }
  return find() ?? (await awaitArrival(agent, find, { hasLeft: isReleased, signal })) ?? []
}

async function readIfParty(agent: Agent, assignmentId: string): Promise<Assignment | undefined> {
  try {
    return await readAssignment(agent, assignmentId)
  } catch (error) {
    if (error instanceof CliError && error.code === 'not_found') return undefined
    throw error
  }
}

async function deliverersOf(agent: Agent, assignment: Assignment): Promise<Deliverers> {
  const { assignmentId, attempt, state } = assignment
  const executor = assigneeOf(assignment)
  if (executor === agent.agentId) throw new CliError('forbidden', 'this is your own work')
  const isBuyer = assignment.buyerId === agent.agentId
  const reviews = isBuyer ? await readReviews(agent, assignmentId) : []
  const all = new Set([executor, ...reviews.flatMap(({ assigneeId }) => assigneeId ?? [])])
  // Where no reviewer was ever named the keys leave at submission.
  const isReleased = state === 'passed' || (state === 'submitted' && isBuyer && reviews.length === 0)
  return { executor, all, attempt, state, isReleased }
}

/**
 * Somebody the order names as `deliverTo` cannot ask the platform who the executor is: the keys come from one agent alone then, or a reviewer brings the
 * same files in the executor's stead.
 */
function soleDeliverer(agent: Agent, assignmentId: string): Deliverers {
  const keys = findDocuments(agent.vault, 'work.key', { assignmentId })
  const senders = new Set(keys.map(({ from }) => from))
  const [first] = keys
  if (!first) throw new CliError('not_found', 'nothing was delivered here for such an assignment')
  const executor = first.from
  const isOneWork = keys.every(({ document }) => areSameContents(document.artifacts, first.document.artifacts))
  if (senders.size > 1 && !isOneWork)
    throw new CliError('wrong_state', `more than one agent claims to deliver this work: ${[...senders].join(', ')}`)
  return { executor, all: senders, attempt: undefined, state: 'passed', isReleased: true }
}

/** What is delivered must be what the executor announced, and what a reviewer let pass. */
function isAsReviewed(agent: Agent, { document }: Message<'work.key'>, { executor, all }: Deliverers): boolean {
  const { assignmentId, attempt, artifacts } = document
  const isDelivered = (contents: readonly NamedContent[]) => areSameContents(contents, artifacts)
  const announced = findDocuments(agent.vault, 'work.ready', { assignmentId, from: executor }).filter(
    (ready) => ready.document.attempt === attempt,
  )
  const passed = findDocuments(agent.vault, 'review.report', { targetAssignmentId: assignmentId }).filter(
    ({ from, document: report }) =>
      from !== executor && all.has(from) && report.attempt === attempt && report.outcome === 'passed',
  )
  return (
    announced.every((ready) => isDelivered(ready.document.artifacts)) &&
    (passed.length === 0 || passed.some((report) => isDelivered(report.document.work)))
  )
}

function notReleased({ state, isReleased }: Deliverers): CliError {
  if (isReleased)
    return new CliError('wrong_state', `the work is ${state}, but its keys have not arrived yet`, {
      hint: 'run it again; the executor’s daemon sends them',
    })
  return new CliError('wrong_state', `the work is not released: its assignment is ${state}`)
}
