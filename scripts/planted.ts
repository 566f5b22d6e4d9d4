// Plant each fault of e2e/planted/*.patch in a copy of the sources and expect the test that it names to turn red. With arguments: only the
// patches whose name contains one. The format is in e2e/planted/README.md.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { PlantedFault } from './planted-fault.ts'
import { parsePlantedFault } from './planted-fault.ts'
import { reasonOf } from './red-reason.ts'
import { copySources } from './source-copy.ts'

const root = join(import.meta.dirname, '..')
const planted = join(root, 'e2e', 'planted')
const filters = process.argv.slice(2)
const names = globSync('*.patch', { cwd: planted })
  .map((file) => basename(file, '.patch'))
  .filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
  .sort()

/** A test that ran, and what it said where it failed. */
interface Ended {
  fullName: string
  status: string
  failureMessages?: string[]
}

/** Run the tests that some faults name, each file once. @returns what ran, by file; nothing of a file that did not load. */
function runTests(copy: string, faults: readonly PlantedFault[]): Map<string, Ended[]> {
  // Without a file, all would run.
  if (faults.length === 0) return new Map()
  const report = join(copy, '.cache', 'planted.json')
  mkdirSync(dirname(report), { recursive: true })
  rmSync(report, { force: true })
  const titles = faults.map(({ title }) => title)
  const pattern = titles.map((title) => title?.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
  const only = titles.includes(undefined) ? [] : ['--testNamePattern', pattern]
  const files = new Set(faults.map(({ test }) => test))
  const args = ['run', ...files, ...only, '--reporter=json', `--outputFile.json=${report}`]
  spawnSync(join(root, 'node_modules', '.bin', 'vitest'), args, { cwd: copy, stdio: 'ignore' })
  if (!existsSync(report)) return new Map()
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: { name: string; assertionResults: Ended[] }[]
  }
  return new Map(testResults.map(({ name, assertionResults }) => [relative(copy, name), assertionResults]))
}

function endedOf(ran: ReadonlyMap<string, readonly Ended[]>, { test, title }: PlantedFault): readonly Ended[] {
  return (ran.get(test) ?? []).filter(
    ({ fullName, status }) => status !== 'skipped' && (title === undefined || fullName.includes(title)),
  )
}

/**
 * Apply the patch to the copy, or take it out again: the next line above and below has to be as it was, others may have changed. The copy is no
 * repository; the ceiling keeps git from looking for one around it.
 */
function applyPatch(copy: string, name: string, ...options: string[]): void {
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy) }
  execFileSync('git', ['apply', '-C1', ...options, join(planted, `${name}.patch`)], {
    cwd: copy,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

function build(copy: string): void {
  execFileSync(process.execPath, [join(copy, 'scripts', 'build.ts')], { cwd: copy, stdio: ['ignore', 'ignore', 'pipe'] })
}

/** @returns what is wrong with this proof: it is to be green without the fault, and red with it because of what the test found. Also what it found. */
function prove(copy: string, name: string, fault: PlantedFault, before: readonly Ended[]): { wrong?: string; found?: string } {
  if (before.length === 0) return { wrong: 'no such test' }
  if (before.some(({ status }) => status !== 'passed'))
    return { wrong: `the test is not green without the fault (${before.map(({ status }) => status).join(', ')})` }
  applyPatch(copy, name)
  try {
    if (fault.needsBuild) build(copy)
    const after = endedOf(runTests(copy, [fault]), fault)
    if (after.length === 0) return { wrong: 'the test did not run: the fault must leave the file loadable' }
    const failed = after.filter(({ status }) => status === 'failed')
    if (failed.length === 0) return { wrong: 'the test is still green' }
    return reasonOf(failed.flatMap(({ failureMessages = [] }) => failureMessages))
  } finally {
    applyPatch(copy, name, '--reverse')
    if (fault.needsBuild) build(copy)
  }
}

const copy = copySources(['packages/*/dist', 'packages/*/oclif.manifest.json'])
let failed = 0
try {
  const faults = names.map((name) => [name, parsePlantedFault(readFileSync(join(planted, `${name}.patch`), 'utf8'))] as const)
  const sound = faults.map(([, fault]) => fault).filter((fault) => typeof fault !== 'string')
  const whole = runTests(
    copy,
    sound.filter(({ title }) => title === undefined),
  )
  const named = runTests(
    copy,
    sound.filter(({ title }) => title !== undefined),
  )
  for (const [name, fault] of faults) {
    let proof: { wrong?: string; found?: string }
    try {
      if (typeof fault === 'string') proof = { wrong: fault }
      else proof = prove(copy, name, fault, endedOf(fault.title === undefined ? whole : named, fault))
    } catch (error) {
      proof = { wrong: String(error) }
    }
    if (proof.wrong !== undefined) failed += 1
    console.log(proof.wrong === undefined ? `✓ ${name}: red: ${proof.found}` : `✗ ${name}: ${proof.wrong}`)
  }
} finally {
  rmSync(copy, { recursive: true })
}
console.log(`${names.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 && names.length > 0 ? 0 : 1
