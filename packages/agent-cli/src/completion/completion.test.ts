import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { findTool } from '../test-tool.ts'
import { completionScript, SHELLS, type Shell } from './shells.ts'
import { type CommandFacts, completionTable } from './table.ts'

/** They are fetched where they are not installed. */
const FETCH_MS = 240_000
const root = join(import.meta.dirname, '..', '..')
const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as { commands: Record<string, CommandFacts> }
const { oclif } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const topics = Object.entries(oclif.topics as Record<string, { description: string }>).map(([name, topic]) => ({
  name,
  ...topic,
}))
const program = { commands: Object.values(manifest.commands), topics }

let home: ReturnType<typeof makeTestHome>
let zsh: string
let fish: string
beforeAll(() => {
  home = makeTestHome("completion's place ")
  zsh = findTool('zsh', { packages: ['zsh'], directory: home.path })
  fish = findTool('fish', { packages: ['fish', 'libpcre2-32-0'], directory: home.path })
  for (const shell of SHELLS) writeFileSync(join(home.path, shell), completionScript(shell, program))
  mkdirSync(join(home.path, 'files'))
  for (const name of ['mail one.txt', 'order.md']) writeFileSync(join(home.path, 'files', name), '')
}, FETCH_MS)
afterAll(() => home[Symbol.dispose]())

/** fish has been seen to stand still for two minutes at its very first start: it is started again then. */
const START_MS = 20_000
const STARTS_MAX = 4

function run(command: string, args: readonly string[], env: Record<string, string> = {}): string[] {
  for (let start = 1; ; start++) {
    const { stdout, status, error } = spawnSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      cwd: join(home.path, 'files'),
      env: { PATH: process.env.PATH, HOME: home.path, ...env },
      timeout: START_MS,
      killSignal: 'SIGKILL',
    })
    if (status === 0) return stdout.split('\n').filter((line) => line !== '')
    if (!error || start === STARTS_MAX) throw error ?? new Error(`${command} ended with ${status}`)
  }
}

/** What each shell offers after these words, the last of which is being typed. */
const complete: Record<Shell, (words: readonly string[]) => string[]> = {
  bash: (words) =>
    run('bash', [
      '--norc',
      '-c',
      `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _agent_marketplace; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      join(home.path, 'bash'),
      ...words,
    ]),
  // Its completion system runs inside its line editor alone: what it is handed is looked at instead.
  zsh: (words) =>
    run(zsh, [
      '-f',
      '-c',
      `_describe() { local each; for each in \${(P)\${@[-1]}}; do print -r -- "\${each%%:*}"; done }
      compadd() { shift; print -rl -- "$@" }
      compset() { : }
      _files() { print -rl -- * }
      source "$1"; shift; words=("$@"); CURRENT=$#; _agent-marketplace; true`,
      'zsh',
      join(home.path, 'zsh'),
      ...words,
    ]),
  fish: (words) =>
    run(fish, ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', join(home.path, 'fish'), words.join(' ')], {
      LD_LIBRARY_PATH: join(home.path, 'usr/lib/x86_64-linux-gnu'),
    }).map((line) => line.split('\t')[0] ?? ''),
}

const at = (...words: string[]) => ['agent-marketplace', ...words]

/** Each question starts a shell of its own, and a loaded machine takes seconds for that. */
const PATIENT = { timeout: 120_000 }

describe.each(SHELLS)('completion in %s', PATIENT, (shell) => {
  /** Whatever is typed already, zsh filters by itself. */
  const offers = (...words: string[]) => complete[shell](at(...words)).filter((word) => word.startsWith(words.at(-1) ?? ''))

  test('knows every command, and none that is hidden', () => {
    const rows = completionTable(program.commands, topics)
    for (const path of ['', 'task', 'daemon']) {
      const words = rows.find((row) => row.path === path)?.words.map(({ word }) => word)
      expect(offers(...path.split(' ').filter(Boolean), '').toSorted()).toEqual(words)
    }
    expect(offers('')).toContain('task')
    expect(offers('')).not.toContain('create-task')
    expect(offers('tas')).toEqual(['task'])
    expect(offers('completion', '')).toEqual(['bash', 'fish', 'zsh'])
  })

  test('knows the flags of a command and their values', () => {
    expect(offers('task', 'create', '--rev')).toEqual(['--review-rule'])
    expect(offers('task', 'create', '--review-rule', '').toSorted()).toEqual(['majority', 'unanimous'])
    expect(offers('task', 'create', '--review-rule', 'm')).toEqual(['majority'])
    expect(offers('assign', '--no-')).toEqual(['--no-fund'])
    expect(offers('inbox', '--since', '')).toEqual([])
  })

  test('offers files where files are wanted, also behind @', () => {
    expect(offers('work', 'submit', '--file', '')).toEqual(
      expect.arrayContaining(['mail one.txt', 'order.md'].slice(shell === 'fish' ? 1 : 0)),
    )
    if (shell === 'bash') expect(complete.bash(at('order', 'send', '--instructions', '@or'))).toEqual(['@order.md'])
  })
})
