// What `npm test` runs after the set-up: the static checks two at a time, then every test; with arguments, only the tests whose path contains one.
// The last line is always `N passed, N failed`; the exit code is 0 only if nothing failed.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { countTests } from './count-tests.ts'

interface Check {
  name: string
  command: string
  args: string[]
}

const root = join(import.meta.dirname, '..')
const bin = join(root, 'node_modules', '.bin')
const reportFile = join(root, '.cache', 'vitest.json')
const sources = ['packages', 'scripts', 'e2e', 'bench', 'examples'].filter((name) => existsSync(join(root, name)))

const checks: Check[] = [
  { name: 'format and lint', command: 'biome', args: ['check', '--error-on-warnings'] },
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.check.json'] },
  { name: 'import rules', command: 'depcruise', args: ['--config', '.dependency-cruiser.mjs', ...sources] },
  { name: 'unused code and dependencies', command: 'knip', args: ['--no-progress', '--treat-config-hints-as-errors'] },
]

const filters = process.argv.slice(2)
const running = new Set<ReturnType<typeof spawn>>()
let isStopping = false
let passed = 0
let failed = 0

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    isStopping = true
    for (const child of running) child.kill(signal)
  })

/** Run a tool of the project. @returns Its exit code and, unless it writes to our terminal itself, its output. */
function run(command: string, args: string[], stdio: 'pipe' | 'inherit'): Promise<{ code: number; output: string }> {
  if (isStopping) return Promise.resolve({ code: 1, output: 'not run: interrupted\n' })
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(join(bin, command), args, { cwd: root, stdio: ['ignore', stdio, stdio] })
    running.add(child)
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => resolve({ code: 1, output: `${error.message}\n` }))
    child.on('close', (code) => {
      running.delete(child)
      resolve({ code: code ?? 1, output })
    })
  })
}

function record(name: string, isGood: boolean, detail = ''): void {
  if (isGood) passed += 1
  else failed += 1
  console.log(`${isGood ? '✓' : '✗'} ${name}`)
  if (!isGood && detail !== '') console.log(detail.trimEnd())
}

async function runChecks(): Promise<void> {
  const waiting = [...checks]
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startedMs = performance.now()
      const { code, output } = await run(check.command, check.args, 'pipe')
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      record(`${check.name} (${check.command}, ${seconds} s)`, code === 0, output)
    }
  }
  await Promise.all([worker(), worker()])
}

async function runTests(): Promise<void> {
  mkdirSync(join(root, '.cache'), { recursive: true })
  rmSync(reportFile, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const { code } = await run('vitest', ['run', '--allowOnly=false', ...reporters, ...filters], 'inherit')
  if (!existsSync(reportFile)) return record('tests (vitest ended without a report)', false)

  const count = countTests(JSON.parse(readFileSync(reportFile, 'utf8')))
  passed += count.passed
  failed += count.failed
  if (count.skips.length > 0) console.log(`a test that does not run is a failed test:\n${count.skips.join('\n')}`)
  if (count.passed + count.failed === 0) record('tests (none was found)', false)
  else if (code !== 0 && count.failed === 0) record('tests (an error outside of any test, see above)', false)
}

/** What git sees as changed or new, to tell what this run left behind. */
const treeState = () => execFileSync('git', ['status', '--porcelain', '--untracked-files=all'], { cwd: root, encoding: 'utf8' })

try {
  if (filters.length > 0) await runTests()
  else {
    const before = treeState()
    await runChecks()
    await runTests()
    const after = treeState()
    record('the run leaves the tree as it was (git status)', after === before, `before:\n${before}after:\n${after}`)
  }
} catch (error) {
  record('the test command itself', false, String(error))
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
