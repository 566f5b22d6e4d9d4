// Plant each fault of e2e/planted/*.patch in a copy of the sources and expect the test that it names to turn red. With arguments: only the
// patches whose name contains one. The format is in e2e/planted/README.md.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { TestReport } from './count-tests.ts'
import type { PlantedFault } from './planted-fault.ts'
import { parsePlantedFault } from './planted-fault.ts'
import { copySources } from './source-copy.ts'

const root = join(import.meta.dirname, '..')
const planted = join(root, 'e2e', 'planted')
const filters = process.argv.slice(2)
const names = globSync('*.patch', { cwd: planted })
  .map((file) => basename(file, '.patch'))
  .filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
  .sort()

/** How the named tests ended, e.g. `['passed', 'failed']`; none when the file did not load or has no such test. */
function runTests(copy: string, fault: PlantedFault): string[] {
  const report = join(copy, '.cache', 'planted.json')
  mkdirSync(dirname(report), { recursive: true })
  rmSync(report, { force: true })
  const only = fault.title === undefined ? [] : ['--testNamePattern', fault.title.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')]
  const args = ['run', fault.test, ...only, '--reporter=json', `--outputFile.json=${report}`]
  spawnSync(join(root, 'node_modules', '.bin', 'vitest'), args, { cwd: copy, stdio: 'ignore' })
  if (!existsSync(report)) return []

  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as TestReport
  const tests = testResults.flatMap((file) => file.assertionResults)
  return tests.filter((test) => fault.title === undefined || test.fullName.includes(fault.title)).map((test) => test.status)
}

/** Apply the patch to the copy, or take it out again. The copy is no repository; the ceiling keeps git from looking for one around it. */
function applyPatch(copy: string, name: string, ...options: string[]): void {
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy) }
  execFileSync('git', ['apply', ...options, join(planted, `${name}.patch`)], {
    cwd: copy,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

function build(copy: string): void {
  execFileSync(process.execPath, [join(copy, 'scripts', 'build.ts')], { cwd: copy, stdio: ['ignore', 'ignore', 'pipe'] })
}

/** @returns What is wrong with this proof, or `undefined`: green without the fault, red with it. */
function prove(copy: string, name: string, fault: PlantedFault): string | undefined {
  const before = runTests(copy, fault)
  if (before.length === 0) return 'no such test'
  if (before.some((status) => status !== 'passed')) return `the test is not green without the fault (${before.join(', ')})`
  applyPatch(copy, name)
  try {
    if (fault.needsBuild) build(copy)
    const after = runTests(copy, fault)
    if (after.length === 0) return 'the test did not run: the fault must leave the file loadable'
    return after.includes('failed') ? undefined : 'the test is still green'
  } finally {
    applyPatch(copy, name, '--reverse')
    if (fault.needsBuild) build(copy)
  }
}

const copy = copySources(['packages/*/dist', 'packages/*/oclif.manifest.json'])
let failed = 0
try {
  for (const name of names) {
    const fault = parsePlantedFault(readFileSync(join(planted, `${name}.patch`), 'utf8'))
    let wrong: string | undefined
    try {
      wrong = typeof fault === 'string' ? fault : prove(copy, name, fault)
    } catch (error) {
      wrong = String(error)
    }
    if (wrong !== undefined) failed += 1
    console.log(wrong === undefined ? `✓ ${name}: red` : `✗ ${name}: ${wrong}`)
  }
} finally {
  rmSync(copy, { recursive: true })
}
console.log(`${names.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 && names.length > 0 ? 0 : 1
