import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../src/config.ts'
import { createDeps, type Deps } from '../src/deps.ts'
import { createLog } from '../src/log.ts'
import { openControlDatabase } from '../src/storage/open.ts'
import { openTestPlatform, type TestAgent } from './platform.ts'

/** A small world in which everybody can take every part, to be copied for every history that is played in it. */
export interface Template extends Disposable {
  readonly directory: string
  readonly agents: ReadonlyMap<string, TestAgent>
  /** Tasks and whose they are: one decided unanimously, two by majority, one of these with review by its buyer. */
  readonly tasks: readonly { readonly taskId: string; readonly buyerId: string }[]
  readonly nowMs: number
}

export const AGENTS = ['ann', 'ben', 'cem', 'dan'] as const
export const FEE_BPS = '333'

export interface World extends AsyncDisposable {
  readonly template: Template
  readonly deps: Deps
  pass(ms: number): void
}

/** In memory where there is a file system for that: a history is thousands of commits, and none of them has to survive. */
const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export async function makeTemplate(): Promise<Template> {
  await using platform = await openTestPlatform(['--fee-bps', FEE_BPS])
  const capabilities = [
    { name: 'work', maxConcurrency: 3 },
    { name: 'review', maxConcurrency: 3 },
  ]
  const agents = await Promise.all(AGENTS.map((agentId) => platform.agent(agentId, { capabilities, credits: '20' })))
  const [ann, ben] = agents as [TestAgent, TestAgent]
  const made = await Promise.all([
    ann.api.tasks.createTask({ reviewRule: 'unanimous' }),
    ben.api.tasks.createTask({ reviewRule: 'majority' }),
    ann.api.tasks.createTask({ reviewRule: 'majority', buyerMayReview: true }),
  ])
  const directory = mkdtempSync(join(FAST, 'world-'))
  await platform.deps.db.close()
  cpSync(platform.directory, directory, { recursive: true })
  return {
    directory,
    agents: new Map(agents.map((agent) => [agent.agentId, agent])),
    tasks: made.map(({ taskId }, index) => ({ taskId, buyerId: index === 1 ? 'ben' : 'ann' })),
    nowMs: platform.deps.now(),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** A world of its own for one history, with a clock that stands until it is moved. */
export async function openWorld(template: Template): Promise<World> {
  const directory = mkdtempSync(join(FAST, 'history-'))
  cpSync(template.directory, directory, { recursive: true })
  const { config } = parseConfig(['--data', directory, '--fee-bps', FEE_BPS], {})
  const db = await openControlDatabase({ directory, create: false })
  let nowMs = template.nowMs
  let ids = 0
  return {
    template,
    deps: createDeps({
      db,
      config,
      log: createLog('silent'),
      instanceId: 'world',
      now: () => nowMs,
      // In order of creation, so that a history means the same each time it is played.
      newId: (prefix) => `${prefix}_${String(++ids).padStart(26, '0')}`,
    }),
    pass: (ms) => {
      nowMs += ms
    },
    [Symbol.asyncDispose]: async () => {
      await db.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
