import { expect } from 'vitest'
import { Refusal } from '../src/errors.ts'
import type { Call } from '../src/idempotency/operations.ts'
import { sweepWork } from '../src/review/operations.ts'
import { verifyLedger } from '../src/settlement/operations.ts'
import type { Command } from './commands.ts'
import { type Deed, deedOf } from './deeds.ts'
import { digestState } from './digest-state.ts'
import { brokenLaws, type Snapshot, takeSnapshot } from './laws.ts'
import type { World } from './world.ts'

/** What a history did, so that one that does nothing is noticed. */
export interface Told {
  readonly done: Map<string, number>
  readonly refused: Map<string, number>
  /** How assignments ended: kind, state, and whether there was a rework. */
  readonly ended: Map<string, number>
}

interface Sent {
  readonly deed: Deed
  readonly call: Call
  readonly reply: unknown
}

const NEWEST_HOLD = '(SELECT max(h.hold_id) FROM holds h WHERE h.assignment_id = a.assignment_id) AS hold_id'

/**
 * Play a history and look after every step whether a law was broken; then let all clocks run out and look whether anything is trapped.
 *
 * @param told - Where to count what was done and what was refused.
 */
export async function play(world: World, steps: readonly (readonly Command[])[], told: Told): Promise<void> {
  let before = await takeSnapshot(world.deps.db)
  let last: Sent | undefined
  const gone = new Set<string>()
  for (const [at, step] of steps.entries()) {
    const rows = await world.deps.db.read((reader) =>
      reader.all(`SELECT a.*, ${NEWEST_HOLD} FROM assignments a ORDER BY a.assignment_id`),
    )
    const happening = step.map(async (command, index): Promise<Sent | undefined> => {
      if (command.what === 'pass') world.pass(command.ms)
      else if (command.what === 'sweep') count(told.done, 'sweep', (await sweepWork(world.deps)) > 0)
      else if (command.what === 'again') await expectSame(last)
      else {
        const deed = deedOf(world, command, rows)
        if (!deed || gone.has(deed.by)) return undefined
        return send(deed, { callerId: deed.by, procedure: deed.procedure, key: `${at}-${index}` }, told)
      }
      return undefined
    })
    const isAlone = happening.length === 1
    const sent = (await Promise.all(happening)).filter((each) => each !== undefined)
    for (const { deed } of sent) if (deed.procedure === 'leave') gone.add(deed.by)
    last = sent.at(-1) ?? last
    const now = await takeSnapshot(world.deps.db)
    expect(brokenLaws(now, before), `after step ${at}`).toEqual([])
    if (isAlone && sent.length === 0 && step[0]?.what !== 'sweep') expect(now, 'what a refused step left').toEqual(before)
    before = now
  }
  for (const { kind, state, attempt } of await expectNothingTrapped(world, before)) {
    count(told.ended, `${kind} ${state}${attempt === 1n ? '' : ' after rework'}`)
  }
}

async function send(deed: Deed, call: Call, told: Told): Promise<Sent | undefined> {
  try {
    const reply = await deed.send(call)
    count(told.done, deed.procedure)
    return { deed, call, reply }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    count(told.refused, `${deed.procedure}: ${error.code}`)
    return undefined
  }
}

/** The same call again, however much has happened since, is the same reply and no effect. */
async function expectSame(last: Sent | undefined): Promise<void> {
  if (!last) return
  expect(await last.deed.send(last.call)).toEqual(JSON.parse(JSON.stringify(last.reply)))
}

/** Longer than every clock of a history together. */
const LONG_MS = 60_000
/** At most this many attempts, each with a lease and a time for verdicts. */
const ROUNDS = 8

/** @returns all assignments, ended. */
async function expectNothingTrapped(world: World, start: Snapshot): Promise<Snapshot['assignments']> {
  let before = start
  for (let round = 0; round < ROUNDS; round++) {
    world.pass(LONG_MS)
    await sweepWork(world.deps)
    const now = await takeSnapshot(world.deps.db)
    expect(brokenLaws(now, before), 'after every clock has run out').toEqual([])
    before = now
  }
  expect(before.holds.filter((row) => row.state === 'active')).toEqual([])
  expect(before.assignments.filter((row) => ['offered', 'assigned', 'working', 'submitted'].includes(String(row.state)))).toEqual(
    [],
  )
  expect(await world.deps.db.read(verifyLedger)).toEqual({ entries: before.entries.length })
  const digest = await digestState(world)
  expect([await sweepWork(world.deps), await digestState(world)]).toEqual([0, digest])
  return before.assignments
}

function count(map: Map<string, number>, key: string, isSo = true): void {
  if (isSo) map.set(key, (map.get(key) ?? 0) + 1)
}
