// `npm run demo [-- FILE] [-- --bad-worker]`: one whole job by three agents through a server that never sees it.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Running } from '../e2e/stage/process.ts'
import { Stage, type StagedAgent } from '../e2e/stage/stage.ts'
import { marksFrom, type Search, searchMarks } from '../packages/agent-cli/src/audit/search-marks.ts'

const EXAMPLE = join(import.meta.dirname, '..', 'examples', 'two-agents')
const WORK_PRICE = '10'
const REVIEW_PRICE = '1'
const MARKS_PER_SOURCE = 40
const JOB_WITHIN_MS = 120_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'bad-worker': { type: 'boolean', default: false } },
})
const input = resolve(positionals[0] ?? join(EXAMPLE, 'mail.txt'))
const expected = values['bad-worker'] ? 'failed' : 'passed'
const startedAt = performance.now()

/** One line of the timeline. */
function tell(who: string, what: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)
  console.log(`${seconds} s  ${who.padEnd(9)} ${what}`)
}

async function main(): Promise<void> {
  if (!existsSync(input) || !statSync(input).isFile()) throw new Error(`no such file: ${input}`)
  await using stage = new Stage({ keep: true, name: 'agent-marketplace-demo-' })
  try {
    const done = await runJob(stage)
    report(done, stage)
  } finally {
    const ended = await stage.stop()
    tell('demo', `stopped ${ended} ${ended === 1 ? 'process' : 'processes'}: nothing is left running`)
  }
}

interface Job {
  readonly state: string
  readonly resultFiles: readonly string[]
  readonly search: Search
}

async function runJob(stage: Stage): Promise<Job> {
  await stage.server.start(['--log-level', 'debug'])
  tell('server', `listens on ${stage.server.origin}, its relay on ${stage.server.relayOrigin} (pid ${stage.server.pid})`)

  const buyer = await register(stage, 'buyer')
  const executor = await register(stage, 'executor', '--capability', `text.extract:1:${WORK_PRICE}`)
  const reviewer = await register(stage, 'reviewer', '--capability', `review.json:1:${REVIEW_PRICE}`)
  const worker = `"${process.execPath}" "${join(EXAMPLE, values['bad-worker'] ? 'bad-extract.mjs' : 'extract-emails.mjs')}"`
  const executorDaemon = executor.daemon('--exec', worker)
  const reviewerDaemon = reviewer.daemon()
  await Promise.all([ready(executorDaemon, 'executor'), ready(reviewerDaemon, 'reviewer')])

  await buyer.json('deposit', '--amount', '100')
  await tellBalances('before', { buyer, executor, reviewer })
  const executorId = await discover(buyer, 'text.extract')
  const reviewerId = await discover(buyer, 'review.json')
  const { taskId } = await buyer.json('task', 'create')
  tell('buyer', `creates ${taskId}`)
  const work = await assign(buyer, taskId, executorId, [
    '--kind',
    'execute',
    '--capability',
    'text.extract',
    '--price',
    WORK_PRICE,
  ])
  await assign(buyer, taskId, reviewerId, [
    ...['--kind', 'review', '--target-assignment-id', work, '--capability', 'review.json', '--price', REVIEW_PRICE],
  ])
  const order = await buyer.json('order', 'send', '--assignment-id', work, ...orderFlags())
  tell(
    'buyer',
    `sends the sealed order to ${order.sentTo.join(' and ')}: instructions, ${basename(input)} (${size(input)}), schema, rules`,
  )

  const state = await decided(buyer, work)
  const { verdicts } = await buyer.json('review', 'list', '--assignment-id', work)
  for (const verdict of verdicts) {
    tell('reviewer', `signs ${verdict.verdictId}: ${verdict.outcome}, ${verdict.scoreBps / 100} of 100; the work is now ${state}`)
  }
  if (state === 'passed') await executorDaemon.line((line) => line.event === 'key-released')
  if (state === 'passed') tell('executor', 'releases the key of the result to the buyer')
  const resultFiles = state === 'passed' ? await fetchResult(stage, buyer, work) : await fetchNothing(stage, buyer, work)
  await tellBalances('after', { buyer, executor, reviewer })
  return { state, resultFiles, search: searchServer(stage, resultFiles) }
}

async function register(stage: Stage, name: string, ...flags: string[]): Promise<StagedAgent> {
  const agent = stage.agent(name)
  const { agentId, fingerprint } = await agent.json('register', '--agent-id', name, ...flags)
  tell(name, `registers as ${agentId}, key ${fingerprint}`)
  return agent
}

async function ready(daemon: Running, name: string): Promise<void> {
  await daemon.line((line) => line.event === 'started')
  tell(name, `daemon online (pid ${daemon.child.pid})`)
}

async function discover(buyer: StagedAgent, capability: string): Promise<string> {
  const { candidates } = await buyer.json('discover', '--capability', capability)
  const [chosen] = candidates
  if (!chosen) throw new Error(`nobody offers ${capability}`)
  tell('buyer', `discovers ${chosen.agentId} for ${capability} at ${chosen.price} credits`)
  return chosen.agentId
}

async function assign(buyer: StagedAgent, taskId: string, assignee: string, flags: readonly string[]): Promise<string> {
  const { assignmentId, holdId, kind } = await buyer.json(
    'assign',
    '--task-id',
    taskId,
    '--assignee-agent-id',
    assignee,
    ...flags,
  )
  tell('buyer', `assigns ${kind} ${assignmentId} to ${assignee}, held in ${holdId}`)
  return assignmentId
}

function orderFlags(): string[] {
  const flag = (name: string, file: string) => [`--${name}`, `@${join(EXAMPLE, file)}`]
  return [
    ...flag('instructions', 'instructions.md'),
    '--file',
    input,
    ...flag('schema', 'emails.schema.json'),
    ...flag('rules', 'rules.json'),
  ]
}

/** Wait until the work is decided, telling each state it passes through. */
async function decided(buyer: StagedAgent, assignmentId: string): Promise<string> {
  const deadline = Date.now() + JOB_WITHIN_MS
  let last = 'assigned'
  while (Date.now() < deadline) {
    const { state } = await buyer.json('assignment', 'show', '--assignment-id', assignmentId)
    if (state !== last && (state === 'working' || state === 'submitted')) tell('executor', `${assignmentId} is ${state}`)
    last = state
    if (!['assigned', 'working', 'submitted'].includes(state)) return state
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`the work was still ${last} after ${JOB_WITHIN_MS / 1000} s`)
}

async function fetchResult(stage: Stage, buyer: StagedAgent, assignmentId: string): Promise<string[]> {
  const { files, sha256 } = await buyer.json(
    'work',
    'fetch',
    '--assignment-id',
    assignmentId,
    '--out',
    join(stage.directory, 'result'),
  )
  tell('buyer', `opens the result, sha256 ${[sha256].flat().join(', ')}`)
  return files
}

async function fetchNothing(stage: Stage, buyer: StagedAgent, assignmentId: string): Promise<string[]> {
  const { code } = await buyer.refused('work', 'fetch', '--assignment-id', assignmentId, '--out', join(stage.directory, 'result'))
  tell('buyer', `gets no work: ${code}`)
  return []
}

async function tellBalances(when: string, agents: Record<string, StagedAgent>): Promise<void> {
  for (const [name, agent] of Object.entries(agents)) {
    const { available, held } = await agent.json('balance')
    tell(name, `has ${available} credits ${when} the job${held === '0' ? '' : `, ${held} held`}`)
  }
}

function size(file: string): string {
  return `${Math.ceil(statSync(file).size / 1000)} kB`
}

/** Search everything the server stored or logged for what the agents exchanged. */
function searchServer(stage: Stage, resultFiles: readonly string[]): Search {
  const marks = [
    ...marksFrom('input', readFileSync(input, 'utf8'), MARKS_PER_SOURCE),
    ...marksFrom('instructions', readFileSync(join(EXAMPLE, 'instructions.md'), 'utf8'), MARKS_PER_SOURCE),
    ...marksFrom('schema', readFileSync(join(EXAMPLE, 'emails.schema.json'), 'utf8'), MARKS_PER_SOURCE),
    ...resultFiles.flatMap((file) => marksFrom('result', readFileSync(file, 'utf8'), MARKS_PER_SOURCE)),
    ...[input, ...resultFiles].map((file) => ({ from: 'file name', text: basename(file) })),
  ]
  return searchMarks([stage.server.dataDirectory, stage.server.logFile], marks)
}

function report({ state, resultFiles, search }: Job, stage: Stage): void {
  console.log('')
  for (const file of resultFiles) console.log(`Result:    ${file} (${size(file)})`)
  console.log(`Searched:  ${stage.server.dataDirectory} and ${stage.server.logFile}`)
  console.log(
    `           ${search.files} files, ${search.bytes} bytes, for ${search.marks} marks taken from input, order, result and file names`,
  )
  console.log(`           as ${search.forms.join(', ')}`)
  console.log(`Hits:      ${search.hits.length}`)
  for (const { mark, form, where } of search.hits) console.log(`           ${mark.from} as ${form} in ${where}`)
  if (state !== expected) throw new Error(`the work was to be ${expected} and is ${state}`)
  if (search.hits.length > 0) throw new Error('the server holds content')
  console.log(`Everything of this run is in ${stage.directory}.`)
}

try {
  await main()
} catch (error) {
  console.error(`demo failed: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
