import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { argvOf, CommandRunner, parseCommandLine } from '../stage/command-lines.ts'
import { EXAMPLE } from '../stage/market.ts'
import { Stage } from '../stage/stage.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const SKILL = join(ROOT, 'skills', 'agent-marketplace')
const pages = globSync('**/*.md', { cwd: SKILL }).sort()
const read = (name: string) => readFileSync(join(SKILL, name), 'utf8')
const json = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'))

/** What was sent has not arrived yet: the skill says to wait for the inbox and to try again. */
const NOT_FOUND = 4

/** Something for every name that a command line of the skill leaves open. */
const ANY = {
  AGENT: 'my-agent',
  OTHER: 'other',
  CAPABILITY: 'text.extract',
  TASK: `task_${'0'.repeat(26)}`,
  WORK: `asg_${'0'.repeat(26)}`,
  REVIEW: `asg_${'1'.repeat(26)}`,
  CHAIN: `chn_${'0'.repeat(32)}`,
}

/** Command lines of a page that are meant to be run as they are. */
function commandsOf(page: string): string[] {
  return [...read(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.trim().split('\n'))
}

/** Command lines that a page mentions in its text, with the name of the program. */
function mentionsOf(page: string): string[] {
  return [...read(page).matchAll(/`(agent-marketplace [a-z][^`\n]*)`/g)].map(([, line = '']) => line)
}

describe('the skill', () => {
  test('is what the Agent Skills specification asks for', () => {
    const [, front = '', body = ''] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(read('SKILL.md')) ?? []
    const fields = parse(front)
    expect(fields.name).toBe(basename(SKILL))
    expect(fields.name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/)
    expect(fields.description).toMatch(/^Use when /)
    expect(fields.description.length).toBeLessThanOrEqual(1024)
    expect(fields.compatibility.length).toBeLessThanOrEqual(500)
    const known = ['name', 'description', 'license', 'compatibility', 'metadata', 'allowed-tools']
    expect(Object.keys(fields).filter((key) => !known.includes(key))).toEqual([])
    for (const value of Object.values(fields.metadata)) expect(typeof value).toBe('string')
    expect(body.split('\n').length).toBeLessThan(500)
  })

  test('links to pages that are there, one level deep, and leaves none out', () => {
    const links = [...read('SKILL.md').matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
    expect([...new Set(links)].sort()).toEqual(pages.filter((page) => page !== 'SKILL.md'))
    for (const page of pages) expect(dirname(page)).toMatch(/^(?:\.|references)$/)
  })

  test('has the version of the program, like the plugins that carry it', () => {
    const { version } = json('packages/agent-cli/package.json')
    const [, front = ''] = /^---\n([\s\S]*?)\n---\n/.exec(read('SKILL.md')) ?? []
    expect(parse(front).metadata.version).toBe(version)
    expect(json('plugin.json').version).toBe(version)
    expect(json('.claude-plugin/plugin.json').version).toBe(version)
  })

  test('lies in plugins as Agent Plugins 1.0 and Claude Code want them', async () => {
    const portable = json('plugin.json')
    const fields = [
      '$schema',
      'name',
      'version',
      'description',
      'author',
      'homepage',
      'repository',
      'license',
      'keywords',
      'extensions',
    ]
    expect(Object.keys(portable).filter((key) => !fields.includes(key))).toEqual([])
    expect(portable.$schema).toBe('https://agent-plugins.org/schemas/1.0.0/plugin.schema.json')
    expect(portable.name).toMatch(/^(?!.*(?:--|\.\.))[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$/)
    expect(Object.keys(portable.author).filter((key) => !['name', 'email', 'url'].includes(key))).toEqual([])

    const { $schema, mcpServers, ...rest } = json('mcp.json')
    expect([$schema, rest]).toEqual(['https://agent-plugins.org/schemas/1.0.0/mcp.schema.json', {}])
    const server = mcpServers['agent-marketplace']
    expect(server).toEqual({ type: 'stdio', command: 'agent-marketplace', args: expect.any(Array) })
    expect(await parseCommandLine(server.args)).toBe('mcp')

    const claude = json('.claude-plugin/plugin.json')
    expect(claude.name).toBe(portable.name)
    const { name, owner, plugins } = json('.claude-plugin/marketplace.json')
    expect([typeof name, typeof owner.name]).toEqual(['string', 'string'])
    expect(plugins).toEqual([{ name: claude.name, source: './', description: claude.description }])
  })

  test.each(pages)('%s has no command line that the program would not take', async (page) => {
    const lines = [...commandsOf(page), ...mentionsOf(page).filter((line) => !/ (?:COMMAND|--help)/.test(line))]
    for (const line of lines) await expect(parseCommandLine(argvOf(line, ANY)), line).resolves.toEqual(expect.any(String))
  })
})

test('who does what the skill says buys, works and reviews, from registration to the fetched result', {
  timeout: 120_000,
}, async () => {
  await using stage = new Stage()
  await using runner = new CommandRunner()
  await stage.server.start()
  const known: Record<string, string> = { CAPABILITY: 'text.extract', OTHER: 'reviewer' }
  const results: Record<string, Record<string, unknown>> = {}

  /** Run lines of a page as one of the agents; every answer is read for what later lines need. */
  async function act(agent: string, lines: readonly string[]): Promise<void> {
    const cwd = join(stage.directory, agent)
    const env = { AGENT_MARKETPLACE_HOME: join(cwd, 'home'), AGENT_MARKETPLACE_SERVER: stage.server.origin }
    for (const line of lines) {
      const run = (typed: string) => runner.run({ argv: argvOf(typed, { ...known, AGENT: agent }), env, cwd })
      let { exit, out, err } = await run(line)
      for (let again = 0; exit === NOT_FOUND && again < 10; again++) {
        await run('agent-marketplace inbox --wait 10 --json')
        ;({ exit, out, err } = await run(line))
      }
      expect([exit, line, exit === 0 ? '' : `${out}${err}`]).toEqual([0, line, ''])
      const result = JSON.parse(out)
      results[line] = result
      if (typeof result.taskId === 'string') known.TASK = result.taskId
      if (typeof result.assignmentId === 'string') known[result.kind === 'review' ? 'REVIEW' : 'WORK'] = result.assignmentId
    }
  }
  const line = (page: string, word: string) => {
    const found = commandsOf(page).filter((each) => each.includes(word))
    expect(found, word).not.toEqual([])
    return found[0] ?? ''
  }

  const agents = ['executor', 'reviewer', 'buyer']
  for (const agent of agents) {
    cpSync(EXAMPLE, join(stage.directory, agent), { recursive: true })
    await act(
      agent,
      commandsOf('SKILL.md').filter((each) => each.includes(' register ')),
    )
  }
  const [work, judge, buy] = ['references/executor.md', 'references/reviewer.md', 'references/buyer.md'] as const
  await act(
    'executor',
    ['capabilities declare', ' ping ', 'daemon policy'].map((word) => line(work, word)),
  )
  await act('reviewer', [line(judge, 'capabilities declare'), line(work, ' ping ')])

  const bought = commandsOf(buy)
  const isSent = bought.findIndex((each) => each.includes('order send'))
  await act('buyer', bought.slice(0, isSent + 1))

  const byHand = commandsOf(work).filter((each) => / (?:assignment|inbox|order|work) /.test(each))
  const isSubmitted = byHand.findIndex((each) => each.includes('work submit'))
  await act('executor', byHand.slice(0, isSubmitted))
  const executor = join(stage.directory, 'executor')
  mkdirSync(join(executor, 'output'))
  execFileSync(process.execPath, [join(EXAMPLE, 'extract-emails.mjs')], { cwd: executor })
  cpSync(join(executor, 'output', 'emails.json'), join(executor, 'emails.json'))
  await act('executor', byHand.slice(isSubmitted, isSubmitted + 1))

  await act('reviewer', commandsOf(judge).slice(1))
  await act('executor', byHand.slice(isSubmitted + 1))
  await act('buyer', bought.slice(isSent + 1))
  const fetched = results[line(buy, 'work fetch')]?.files as string[]
  expect(readFileSync(fetched[0] ?? '')).toEqual(readFileSync(join(executor, 'emails.json')))

  writeFileSync(join(stage.directory, 'buyer', 'notes.txt'), 'thanks')
  await act(
    'buyer',
    commandsOf('SKILL.md').filter((each) => !each.includes(' register ')),
  )
})
