import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { commandJudge, NoVerdict } from './command-judge.ts'
import { prepareJobDirectory } from './job-directory.ts'
import { runJob } from './run-job.ts'

let place: ReturnType<typeof makeTestHome>
beforeEach(() => {
  place = makeTestHome()
})
afterEach(() => place[Symbol.dispose]())

const brief = {
  v: 1,
  assignmentId: `asg_${'0'.repeat(26)}`,
  targetAssignmentId: `asg_${'1'.repeat(26)}`,
  criteria: 'Be kind.',
  validators: {},
} as const

async function judge(command: string) {
  const { directory } = await prepareJobDirectory(place.path, 'review')
  return commandJudge({ command, work: undefined, run: runJob, signal: new AbortController().signal })({
    directory,
    files: [],
    brief,
  })
}

const say = (verdict: unknown) => `echo '${JSON.stringify(verdict)}' > output/verdict.json`

test('what the command says is the judgement, and it finds the brief', async () => {
  const check = { name: 'kindness', kind: 'rule', passed: true, weight: 1 }
  expect(await judge(`grep -q 'Be kind' brief.json && ${say({ outcome: 'passed', scoreBps: 9000, checks: [check] })}`)).toEqual({
    outcome: 'passed',
    scoreBps: 9000,
    checks: [check],
    reason: undefined,
  })
  expect(await judge(say({ outcome: 'inconclusive', reason: 'too long' }))).toMatchObject({
    outcome: 'inconclusive',
    scoreBps: 0,
    reason: 'too long',
  })
})

test.each([
  'true',
  'exit 1',
  `${say({ outcome: 'passed', scoreBps: 9000 })}; exit 1`,
  'kill -9 $$',
  'echo nonsense > output/verdict.json',
  'ln -s /etc/passwd output/verdict.json',
  say(null),
  say({ outcome: 'great' }),
  say({ outcome: 'passed', scoreBps: 10_001 }),
  say({ outcome: 'passed', scoreBps: 1.5 }),
  say({ outcome: 'invalid_format', scoreBps: 1 }),
  say({ outcome: 'passed', reason: 5 }),
  say({ outcome: 'passed', checks: [{ name: 'x' }] }),
])('%s is no verdict', async (command) => {
  await expect(judge(command)).rejects.toBeInstanceOf(NoVerdict)
})
