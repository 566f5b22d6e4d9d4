import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../src/config.ts'
import { createDeps, type Deps } from '../src/deps.ts'
import { createLog } from '../src/log.ts'
import type { Database } from '../src/storage/database.ts'
import { openControlDatabase } from '../src/storage/open.ts'
import type { Engine } from './place.ts'
import { openTestPlatform, type TestAgent, type TestPlatform } from './platform.ts'

export const AGENTS = ['ann', 'ben', 'cem', 'dan'] as const
const FEE_BPS = '333'

/** A small world in which everybody can take every part, with a clock that stands until it is moved. */
export interface World extends AsyncDisposable {
  readonly agents: ReadonlyMap<string, TestAgent>
  /** Tasks and whose they are: one decided unanimously, two by majority, one of these with review by its buyer. */
  readonly tasks: readonly { readonly taskId: string; readonly buyerId: string }[]
  readonly deps: Deps
  pass(ms: number): void
}

/** A world on disk, to be copied for every history that is played in it. */
export interface Template extends Pick<World, 'agents' | 'tasks'>, Disposable {
  readonly directory: string
  readonly nowMs: number
}

/** In memory where there is a file system for that: a history is thousands of commits, and none of them has to survive. */
const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

async function populate(platform: TestPlatform): Promise<Pick<World, 'agents' | 'tasks'>> {
  const capabilities = ['work', 'review'].map((name) => ({ name, maxConcurrency: 3 }))
  const agents = new Map<string, TestAgent>()
  for (const agentId of AGENTS) agents.set(agentId, await platform.agent(agentId, { capabilities, credits: '20' }))
  const tasks: World['tasks'][number][] = []
  for (const [buyerId, terms] of [
    ['ann', { reviewRule: 'unanimous' }],
    ['ben', { reviewRule: 'majority' }],
    ['ann', { reviewRule: 'majority', buyerMayReview: true }],
  ] as const) {
    const made = await agents.get(buyerId)?.api.tasks.createTask(terms)
    if (made) tasks.push({ ...made, buyerId })
  }
  return { agents, tasks }
}

/** Ids in order of creation, so that a history means the same each time it is played. */
function countingIds(): Deps['newId'] {
  let count = 0
  return (prefix) => `${prefix}_${String(++count).padStart(26, '0')}`
}

/**
 * A world of its own on this engine.
 *
 * @param oneByOne - Whether transactions run one after another, so that what they make is the same on every engine.
 */
export async function openWorldOn(engine: Engine, { oneByOne = true } = {}): Promise<World> {
  const platform = await openTestPlatform(['--fee-bps', FEE_BPS], {}, { engine, ids: countingIds() })
  const db = oneByOne ? inTurns(platform.deps.db) : platform.deps.db
  return { ...(await populate(platform)), ...platform, deps: { ...platform.deps, db } }
}

function inTurns(db: Database): Database {
  let turn: Promise<unknown> = Promise.resolve()
  const write: Database['write'] = (work) => {
    const next = turn.then(() => db.write(work))
    turn = next.catch(() => {})
    return next
  }
  return {
    engine: db.engine,
    now: db.now,
    signals: db.signals,
    failed: db.failed,
    read: (work) => db.read(work),
    write,
    close: () => db.close(),
  }
}

export async function makeTemplate(): Promise<Template> {
  await using platform = await openTestPlatform(['--fee-bps', FEE_BPS])
  const populated = await populate(platform)
  const directory = mkdtempSync(join(FAST, 'world-'))
  await platform.deps.db.close()
  cpSync(platform.directory, directory, { recursive: true })
  return {
    ...populated,
    directory,
    nowMs: platform.deps.now(),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** A world of its own for one history, on SQLite. */
export async function openWorld(template: Template): Promise<World> {
  const directory = mkdtempSync(join(FAST, 'history-'))
  cpSync(template.directory, directory, { recursive: true })
  const { config } = parseConfig(['--data', directory, '--fee-bps', FEE_BPS], {})
  const db = await openControlDatabase({ directory, create: false })
  let nowMs = template.nowMs
  const { agents, tasks } = template
  return {
    agents,
    tasks,
    deps: createDeps({ db, config, log: createLog('silent'), instanceId: 'world', now: () => nowMs, newId: countingIds() }),
    pass: (ms) => {
      nowMs += ms
    },
    [Symbol.asyncDispose]: async () => {
      await db.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
